//! Regions by colour: two maps in which each colour marks a region of the result and the part of the style that it is
//! painted from.

use super::masks::Mask;
use super::request::Style;
use crate::error::{Error, Result};
use crate::picture::Picture;

/// Colours nearer than this, by the largest difference of a channel, are one: files round, and JPEG files ring.
const SAME: f32 = 0.16;
/// The least part of a map that makes a colour a region: less is a soft edge between two others.
const PART: f64 = 0.004;

type Colour = [f32; 3];

impl Style {
    /// The style once for each colour of two maps, and once as a whole for what no region covers: where a colour is in the
    /// map of the content (or texture), the style counts as it is where its own map has this colour.
    ///
    /// # Errors
    /// A colour of the content's map that the style's has not; more than 64 colours.
    pub fn by_colours(&self, content_map: &Picture, style_map: &Picture) -> Result<Vec<Self>> {
        by_colours(self, content_map, style_map)
    }
}

fn by_colours(style: &Style, content: &Picture, from: &Picture) -> Result<Vec<Style>> {
    let (regions, parts) = (colours(content)?, colours(from)?);
    let mut styles = Vec::new();
    for &region in &regions {
        let Some(&part) = parts.iter().find(|part| difference(**part, region) < SAME) else {
            let known: Vec<String> = parts.iter().copied().map(name).collect();
            let message = format!(
                "the content's map has the colour {}, the style's has only {}; use the same colours in both",
                name(region),
                known.join(", ")
            );
            return Err(Error::option("guide_map", message));
        };
        let region = mask(content, &regions, region);
        styles.push(style.clone().within(region).masked(mask(from, &parts, part)));
    }
    styles.push(style.clone());
    Ok(styles)
}

/// The colour of each pixel.
fn pixels(picture: &Picture) -> impl Iterator<Item = Colour> + '_ {
    let plane = picture.width() * picture.height();
    (0..plane).map(move |at| [0, 1, 2].map(|c| picture.rgb()[c * plane + at]))
}

fn difference(a: Colour, b: Colour) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn name(colour: Colour) -> String {
    let [r, g, b] = colour.map(|value| (value * 255.0).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The colours that are regions, largest first.
fn colours(map: &Picture) -> Result<Vec<Colour>> {
    // Exact colours first, so that a flat region is found with the colour that it was drawn in.
    let mut counts = std::collections::BTreeMap::new();
    for colour in pixels(map) {
        *counts.entry(colour.map(|value| (value * 255.0).round() as u8)).or_insert(0usize) += 1;
    }
    let mut exact: Vec<_> = counts.into_iter().collect();
    exact.sort_by_key(|&(colour, count)| (std::cmp::Reverse(count), colour));
    let mut found: Vec<(Colour, usize)> = Vec::new();
    for (colour, count) in exact {
        let colour = colour.map(|value| f32::from(value) / 255.0);
        match found.iter_mut().find(|(other, _)| difference(*other, colour) < SAME) {
            Some((_, sum)) => *sum += count,
            None => found.push((colour, count)),
        }
    }
    let least = PART * (map.width() * map.height()) as f64;
    let regions: Vec<Colour> =
        found.into_iter().filter(|(_, count)| *count as f64 >= least).map(|(colour, _)| colour).collect();
    if regions.len() > 64 {
        let message = format!(
            "a map has {} colours, so it is a photograph rather than a map; paint each region in one flat colour",
            regions.len()
        );
        return Err(Error::option("guide_map", message));
    }
    Ok(regions)
}

/// Where a map's nearest region is `region`.
fn mask(map: &Picture, regions: &[Colour], region: Colour) -> Mask {
    let values = pixels(map).map(|colour| {
        let nearest =
            regions.iter().min_by(|a, b| difference(**a, colour).total_cmp(&difference(**b, colour)));
        if nearest == Some(&region) { 1.0 } else { 0.0 }
    });
    Mask::new(map.width(), map.height(), values.collect()).expect("one value a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three upright stripes.
    fn stripes(colours: [Colour; 3]) -> Picture {
        let (width, height) = (30, 10);
        let value = |c: usize, x: usize| colours[x / 10][c];
        let rgb = (0..3 * width * height).map(|at| value(at / (width * height), at % width)).collect();
        Picture::from_rgb(width, height, rgb).unwrap()
    }

    #[test]
    fn each_colour_is_a_region_of_the_style() {
        let (red, green, blue) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        let style = Style::new(Picture::uniform(30, 10, [0.5; 3]).unwrap());
        let styles = by_colours(&style, &stripes([red, green, green]), &stripes([blue, green, red])).unwrap();
        assert_eq!(styles.len(), 3, "two regions and the whole");
        let values = |mask: Option<&Mask>| mask.map(|mask| mask.values()[..30].to_vec());
        let stripe = |range: std::ops::Range<usize>| -> Vec<f32> {
            (0..30).map(|x| if range.contains(&x) { 1.0 } else { 0.0 }).collect()
        };
        assert_eq!(values(styles[0].region()), Some(stripe(10..30)));
        assert_eq!(values(styles[0].mask()), Some(stripe(10..20)));
        assert_eq!(values(styles[1].region()), Some(stripe(0..10)));
        assert_eq!(values(styles[1].mask()), Some(stripe(20..30)));
        assert!(styles[2].region().is_none() && styles[2].mask().is_none());
        let error =
            by_colours(&style, &stripes([red, green, blue]), &stripes([red, green, red])).unwrap_err();
        assert!(error.to_string().contains("#0000ff"), "{error}");
    }
}
