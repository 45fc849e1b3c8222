//! The picture as it is being painted, in the terminal: each size from the coarsest on, each over the one before.
//!
//! In half blocks, which every terminal with colours shows: a letter's place is two pixels, one above the other. (The crate for
//! pictures in terminals brings a licence that the program does not want, and waits for terminals that do not answer.)

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use indicatif::ProgressBar;

use crate::error::{Error, Result};
use crate::run::Progress;

use super::watching::Pace;

/// Lines of the terminal that stay free: of the bar, and of the prompt before.
const FREE: u16 = 3;

/// See the module's text. Nothing of it may stop a run: a terminal that goes away is told once, at the end.
pub(super) struct Shown {
    pace: Pace,
    /// Whether a picture covers the one before; not where lines are written between them.
    covers: bool,
    /// Columns and lines of the picture above the cursor.
    place: Option<(u32, u32)>,
    failed: Option<String>,
}

impl Shown {
    /// Asks for a terminal; `covers` says that nothing but the bar is written between two pictures.
    ///
    /// # Errors
    /// If stdout is none.
    pub fn new(covers: bool) -> Result<Self> {
        if std::io::stdout().is_terminal() {
            return Ok(Self { pace: Pace::default(), covers, place: None, failed: None });
        }
        let message = "shows pictures in a terminal, but stdout is none; use --preview-file for a file that a viewer reloads";
        Err(Error::option("preview", message))
    }

    /// Shows the picture if it is time to, with the bar out of the way.
    pub fn show(&mut self, progress: &Progress<'_>, bar: Option<&ProgressBar>) {
        if self.failed.is_some() || !self.pace.is_due(progress.size_index) {
            return;
        }
        let back =
            self.place.filter(|_| self.covers).map(|(_, lines)| format!("\x1b[{lines}F")).unwrap_or_default();
        let (rows, columns) = console::Term::stdout().size();
        let place =
            *self.place.get_or_insert_with(|| fitting((columns, rows), (progress.width, progress.height)));
        let shown = progress.picture().map_err(|error| error.to_string()).and_then(|picture| {
            let (columns, lines) = place;
            let picture = DynamicImage::from(&picture).resize_exact(columns, 2 * lines, FilterType::Triangle);
            let text = back + &half_blocks(&picture.to_rgb8(), true_colour());
            let print = || {
                let mut stdout = std::io::stdout().lock();
                stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
            };
            bar.map_or_else(print, |bar| bar.suspend(print)).map_err(|error| error.to_string())
        });
        self.failed = shown.err();
        self.pace.shown(progress.size_index);
    }

    /// What went wrong.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}

/// As many columns and lines as a picture of `width` × `height` fills without being larger than the terminal; a letter's place
/// is about twice as high as it is wide.
fn fitting((columns, rows): (u16, u16), (width, height): (usize, usize)) -> (u32, u32) {
    let (columns, rows) = (f64::from(columns.max(1)), f64::from(rows.saturating_sub(FREE).max(1)));
    let shape = width.max(1) as f64 / height.max(1) as f64;
    let columns = columns.min(2.0 * rows * shape).floor().max(1.0);
    let lines = (columns / shape / 2.0).round().clamp(1.0, rows);
    (columns as u32, lines as u32)
}

/// Whether the terminal says that it shows every colour, not 256.
fn true_colour() -> bool {
    std::env::var("COLORTERM").is_ok_and(|value| value.contains("truecolor") || value.contains("24bit"))
}

/// The lines of a picture, two of its rows each.
fn half_blocks(picture: &RgbImage, true_colour: bool) -> String {
    let colour = |[r, g, b]: [u8; 3]| {
        if true_colour {
            return format!("2;{r};{g};{b}");
        }
        // The cube of six levels a channel.
        let level = |value: u8| (u16::from(value) * 5 + 127) / 255;
        format!("5;{}", 16 + 36 * level(r) + 6 * level(g) + level(b))
    };
    let mut text = String::new();
    for y in 0..picture.height() / 2 {
        for x in 0..picture.width() {
            let (above, below) = (picture.get_pixel(x, 2 * y).0, picture.get_pixel(x, 2 * y + 1).0);
            let _ = write!(text, "\x1b[38;{};48;{}m▀", colour(above), colour(below));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_into_the_terminal() {
        assert_eq!(fitting((80, 24), (400, 100)), (80, 10), "as wide as it is");
        assert_eq!(fitting((80, 24), (300, 300)), (42, 21), "as high as it is");
        assert_eq!(fitting((80, 24), (100, 1000)), (4, 20));
        assert_eq!(fitting((0, 0), (100, 5000)), (1, 1));
    }

    #[test]
    fn two_pixels_are_one_letter_in_their_colours() {
        let picture = RgbImage::from_fn(1, 4, |_, y| {
            image::Rgb([[255, 0, 0], [0, 0, 51], [1, 2, 3], [9, 8, 7]][y as usize])
        });
        let lines = "\x1b[38;2;255;0;0;48;2;0;0;51m▀\x1b[0m\n\x1b[38;2;1;2;3;48;2;9;8;7m▀\x1b[0m\n";
        assert_eq!(half_blocks(&picture, true), lines);
        assert!(half_blocks(&picture, false).starts_with("\x1b[38;5;196;48;5;17m▀"));
    }
}
