//! A sheet of small pictures with labels, drawn into one picture.

use font8x8::UnicodeFonts;

use crate::error::Result;
use crate::picture::Picture;

/// The side of a letter in pixels.
const LETTER: usize = 8;
/// Between pictures, and around the sheet.
const GAP: usize = 8;
/// The height of a line of text with the space below it.
const LINE: usize = 12;

/// Pictures in rows, each row with its label, under a title and the labels of the columns.
pub(super) struct Drawing {
    pub title: Vec<String>,
    pub columns: Vec<String>,
    /// One for each row; none where there is one row only.
    pub rows: Vec<String>,
    /// Row by row.
    pub pictures: Vec<Picture>,
}

/// Where pictures stand.
pub(super) struct Layout {
    /// Width and height of the place of one picture.
    cell: (usize, usize),
    head: usize,
    label: usize,
    columns: usize,
}

impl Drawing {
    /// Where everything goes; every place is as large as the largest picture.
    pub fn layout(&self) -> Layout {
        let largest = |side: fn(&Picture) -> usize| self.pictures.iter().map(side).max().unwrap_or(0);
        Layout {
            cell: (largest(Picture::width), largest(Picture::height)),
            head: GAP + LINE * (self.title.len() + 1),
            label: if self.rows.is_empty() { 0 } else { LINE },
            columns: self.columns.len(),
        }
    }

    /// The sheet: black on white, transparent pictures on white too.
    ///
    /// # Errors
    /// As [`Picture::from_rgb`].
    pub fn draw(&self) -> Result<Picture> {
        let layout = self.layout();
        let (width, height) = layout.size(self.pictures.len());
        let mut page = Page { width, height, rgb: vec![1.0; 3 * width * height] };
        for (line, title) in self.title.iter().enumerate() {
            page.text(title, GAP, GAP + line * LINE, width.saturating_sub(2 * GAP));
        }
        for (column, label) in self.columns.iter().enumerate() {
            let (x, _) = layout.place(column);
            page.text(label, x, layout.head - LINE, layout.cell.0);
        }
        for (row, label) in self.rows.iter().enumerate() {
            let (_, y) = layout.place(row * layout.columns);
            page.text(label, GAP, y - layout.label, width.saturating_sub(2 * GAP));
        }
        for (index, picture) in self.pictures.iter().enumerate() {
            let (x, y) = layout.place(index);
            page.picture(picture, x, y);
        }
        Picture::from_rgb(width, height, page.rgb)
    }
}

impl Layout {
    /// Width and height of a sheet of so many pictures.
    fn size(&self, pictures: usize) -> (usize, usize) {
        let rows = pictures.div_ceil(self.columns.max(1));
        let width = GAP + self.columns * (self.cell.0 + GAP);
        (width, self.head + rows * (self.label + self.cell.1 + GAP))
    }

    /// The left upper corner of a picture.
    pub fn place(&self, index: usize) -> (usize, usize) {
        let (row, column) = (index / self.columns, index % self.columns);
        let y = self.head + row * (self.label + self.cell.1 + GAP) + self.label;
        (GAP + column * (self.cell.0 + GAP), y)
    }
}

struct Page {
    width: usize,
    height: usize,
    rgb: Vec<f32>,
}

impl Page {
    /// Writes as many letters as there is room for; `..` stands for what is left out.
    fn text(&mut self, text: &str, x: usize, y: usize, room: usize) {
        let most = room / LETTER;
        let letters: Vec<char> = match text.chars().count() <= most {
            true => text.chars().collect(),
            false => text.chars().take(most.saturating_sub(2)).chain("..".chars()).take(most).collect(),
        };
        for (index, letter) in letters.into_iter().enumerate() {
            let known = font8x8::BASIC_FONTS.get(letter).or_else(|| font8x8::LATIN_FONTS.get(letter));
            let glyph = known.or_else(|| font8x8::BASIC_FONTS.get('?')).unwrap_or_default();
            for (down, bits) in glyph.into_iter().enumerate() {
                for across in (0..LETTER).filter(|across| bits >> across & 1 == 1) {
                    self.set(x + index * LETTER + across, y + down, [0.0; 3]);
                }
            }
        }
    }

    fn picture(&mut self, picture: &Picture, x: usize, y: usize) {
        let plane = picture.width() * picture.height();
        for at in 0..plane {
            let alpha = picture.alpha().map_or(1.0, |alpha| alpha[at]);
            let over = |c: usize| match alpha {
                1.0 => picture.rgb()[c * plane + at],
                alpha => picture.rgb()[c * plane + at] * alpha + 1.0 - alpha,
            };
            self.set(x + at % picture.width(), y + at / picture.width(), [over(0), over(1), over(2)]);
        }
    }

    fn set(&mut self, x: usize, y: usize, colour: [f32; 3]) {
        if x < self.width && y < self.height {
            for (c, value) in colour.into_iter().enumerate() {
                self.rgb[(c * self.height + y) * self.width + x] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_where_the_layout_says_and_letters_do_not_touch_them() {
        let picture = |value: f32| Picture::uniform(30, 20, [value; 3]).unwrap();
        let drawing = Drawing {
            title: vec!["across: a much too long title".to_owned()],
            columns: vec!["1".to_owned(), "0.0000001".to_owned()],
            rows: vec!["x".to_owned(), "y".to_owned()],
            pictures: vec![picture(0.2), picture(0.3), picture(0.4), picture(0.5)],
        };
        let (layout, sheet) = (drawing.layout(), drawing.draw().unwrap());
        assert_eq!((sheet.width(), sheet.height()), layout.size(4));
        for (index, value) in [0.2, 0.3, 0.4, 0.5].into_iter().enumerate() {
            let (left, top) = layout.place(index);
            for y in top..top + 20 {
                for x in left..left + 30 {
                    assert_eq!(sheet.rgb()[y * sheet.width() + x], value);
                }
            }
        }
        let black = sheet.rgb().iter().filter(|value| **value == 0.0).count();
        assert!(black > 200, "{black}");
    }
}
