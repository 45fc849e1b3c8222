//! A drawn sequence whose motion is known: a landscape that passes by, and a ball that rolls over it.

use impasto::picture::Picture;

/// A sequence of so many pixels.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Drawn {
    /// One unit of the drawing in pixels.
    fn unit(self) -> f64 {
        self.width as f64 / 320.0
    }

    /// How far the landscape has moved at frame `k`, in pixels.
    fn pan(self, k: usize) -> (f64, f64) {
        (-2.4 * self.unit() * k as f64, 0.7 * self.unit() * k as f64)
    }

    /// The ball's centre at frame `k`, its radius in pixels, and its angle.
    fn ball(self, k: usize) -> (f64, f64, f64, f64) {
        let unit = self.unit();
        let x = (70.0 + 6.0 * k as f64) * unit;
        let y = self.height as f64 * 0.55 - 12.0 * unit * (0.5 * k as f64).sin();
        (x, y, 42.0 * unit, 0.1 * k as f64)
    }

    /// Frame `k`, from 0.
    pub fn frame(self, k: usize) -> Picture {
        let plane = self.width * self.height;
        let mut rgb = vec![0.0; 3 * plane];
        for at in 0..plane {
            // Four places a pixel, so that edges are soft.
            for part in 0..4 {
                let (dx, dy) = (0.25 + 0.5 * (part % 2) as f64, 0.25 + 0.5 * (part / 2) as f64);
                let (x, y) = ((at % self.width) as f64 + dx - 0.5, (at / self.width) as f64 + dy - 0.5);
                let colour = self.colour(k, x, y);
                (0..3).for_each(|c| rgb[c * plane + at] += 0.25 * colour[c] as f32);
            }
        }
        Picture::from_rgb(self.width, self.height, rgb).expect("finite values")
    }

    fn colour(self, k: usize, x: f64, y: f64) -> [f64; 3] {
        let (unit, (ball_x, ball_y, radius, angle)) = (self.unit(), self.ball(k));
        let (dx, dy) = (x - ball_x, y - ball_y);
        if dx.hypot(dy) < radius {
            let (sin, cos) = angle.sin_cos();
            let (u, v) = ((cos * dx + sin * dy) / unit, (cos * dy - sin * dx) / unit);
            let stripe = (0.22 * u + 0.8 * (0.13 * v).sin()).sin() > 0.1;
            let shade = 0.75 + 0.25 * (0.05 * (u - v)).sin();
            return if stripe {
                [0.9 * shade, 0.25 * shade, 0.15 * shade]
            } else {
                [0.95 * shade, 0.85 * shade, 0.6 * shade]
            };
        }
        let (pan_x, pan_y) = self.pan(k);
        let (u, v) = ((x - pan_x) / unit, (y - pan_y) / unit);
        let hill = 120.0 + 26.0 * (0.021 * u).sin() + 11.0 * (0.067 * u + 1.0).sin();
        if v < hill {
            let cloud = (0.035 * u + (0.05 * v).sin()).sin() + (0.06 * v - 0.017 * u).sin();
            let light = 0.5 + 0.2 * cloud;
            return [0.35 + 0.4 * light, 0.5 + 0.35 * light, 0.75 + 0.2 * light];
        }
        let field = (0.11 * u + 0.06 * v).sin() + (0.19 * v - 0.07 * u + (0.05 * u).sin()).sin();
        let furrow = 0.5 + 0.5 * (0.5 * v + 2.0 * (0.04 * u).sin()).sin();
        if field > 0.5 {
            [0.75, 0.65 + 0.1 * furrow, 0.2]
        } else {
            [0.15 + 0.15 * furrow, 0.35 + 0.2 * furrow, 0.15]
        }
    }

    /// How far away what pixel (x, y) of frame `k` ≥ 1 shows was in the frame before, if it was seen there.
    pub fn flow(self, k: usize, x: usize, y: usize) -> Option<(f64, f64)> {
        let (x, y) = (x as f64, y as f64);
        let within = |(ball_x, ball_y, radius, _): (f64, f64, f64, f64), x: f64, y: f64, edge: f64| {
            (x - ball_x).hypot(y - ball_y) < radius + edge
        };
        let (now, then) = (self.ball(k), self.ball(k - 1));
        let (there_x, there_y) = if within(now, x, y, -1.0) {
            let (sin, cos) = (then.3 - now.3).sin_cos();
            let (dx, dy) = (x - now.0, y - now.1);
            (then.0 + cos * dx - sin * dy, then.1 + sin * dx + cos * dy)
        } else if within(now, x, y, 1.0) {
            return None;
        } else {
            let (pan, before) = (self.pan(k), self.pan(k - 1));
            let there = (x + before.0 - pan.0, y + before.1 - pan.1);
            if within(then, there.0, there.1, 1.0) {
                return None;
            }
            there
        };
        let inside = there_x >= 0.0
            && there_y >= 0.0
            && there_x <= (self.width - 1) as f64
            && there_y <= (self.height - 1) as f64;
        inside.then_some((there_x - x, there_y - y))
    }

    /// The mean square of what differs between the results of frames `k − 1` and `k` where both show the same, in units of
    /// [0, 1]: 0 if what is painted moves with what it is painted on.
    pub fn warping_error(self, k: usize, before: &Picture, now: &Picture) -> f64 {
        let plane = self.width * self.height;
        let (mut sum, mut count) = (0.0, 0);
        for at in 0..plane {
            let (x, y) = (at % self.width, at / self.width);
            let Some((dx, dy)) = self.flow(k, x, y) else { continue };
            let (there_x, there_y) = (x as f64 + dx, y as f64 + dy);
            let (left, top) = (there_x.floor() as usize, there_y.floor() as usize);
            let (right, below) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
            let (a, b) = (there_x - left as f64, there_y - top as f64);
            for c in 0..3 {
                let value = |x: usize, y: usize| f64::from(before.rgb()[c * plane + y * self.width + x]);
                let moved = (1.0 - b) * ((1.0 - a) * value(left, top) + a * value(right, top))
                    + b * ((1.0 - a) * value(left, below) + a * value(right, below));
                sum += (f64::from(now.rgb()[c * plane + at]) - moved).powi(2);
                count += 1;
            }
        }
        sum / f64::from(count)
    }
}
