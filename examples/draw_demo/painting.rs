//! The "painting": thick strokes that follow swirls over a field, a sun and its rings above it.
//!
//! Layers of strokes from broad to fine follow a field of directions, each stroke a bundle of bristles with
//! colours of their own; the paint's thickness is kept, and lit from the upper left at the end (after Hertzmann
//! 1998 and 2002).

use super::noise::{fbm, hash, perlin};
use super::reduced;
use super::vector::{V3, mix, smoothstep, v3};
use impasto::picture::Picture;

/// Swirls: centre, radius and turning sense, in units of the height.
const SWIRLS: [(f32, f32, f32, f32); 5] = [
    (0.86, 0.27, 0.26, 1.0),
    (0.33, 0.30, 0.21, -1.0),
    (0.55, 0.13, 0.12, 1.0),
    (1.13, 0.44, 0.13, -1.0),
    (0.08, 0.12, 0.14, 1.0),
];

/// The line between sky and land at x.
fn horizon(x: f32) -> f32 {
    0.655 + 0.035 * (3.1 * x + 0.6).sin() + 0.05 * perlin(2.3 * x, 0.0, 5)
}

/// Draws the painting.
pub fn draw(width: usize, height: usize) -> impasto::Result<Picture> {
    let mut canvas = Canvas::new(2 * width, 2 * height);
    for (layer, (size, length, cover)) in
        [(34.0, 200.0, 2.4), (21.0, 150.0, 2.2), (13.0, 105.0, 2.0), (8.0, 62.0, 1.1)].into_iter().enumerate()
    {
        canvas.layer(layer as u32, size, length, cover);
    }
    reduced(width, height, &canvas.lit())
}

struct Canvas {
    w: usize,
    h: usize,
    colour: Vec<V3>,
    thickness: Vec<f32>,
}

impl Canvas {
    fn new(w: usize, h: usize) -> Self {
        Self { w, h, colour: vec![v3(0.52, 0.34, 0.16); w * h], thickness: vec![0.0; w * h] }
    }

    /// Covers the canvas `cover` times with strokes `size` pixels wide.
    fn layer(&mut self, layer: u32, size: f32, length: f32, cover: f32) {
        let count = (cover * (self.w * self.h) as f32 / (size * length * 0.8)) as i32;
        for i in 0..count {
            let random = |k: u32| hash(i, layer as i32, 100 + k);
            let (x, y) = (random(0) * self.w as f32, random(1) * self.h as f32);
            // The finest strokes are accents, not cover.
            let scale = 1.0 / self.h as f32;
            let detail = accents(x * scale, y * scale);
            if layer >= 3 && random(2) > detail {
                continue;
            }
            let wide = size * (0.7 + 0.6 * random(3));
            let long = length * (0.6 + 0.8 * random(4)) * (1.0 - 0.45 * detail);
            self.stroke((x, y), wide, long, i as u32 * 7 + layer * 100_003, layer);
        }
    }

    /// One stroke around a point, along the field both ways.
    fn stroke(&mut self, (x, y): (f32, f32), width: f32, length: f32, seed: u32, layer: u32) {
        let scale = 1.0 / self.h as f32;
        let random = |k: u32| hash(seed as i32, k as i32, 500);
        let base = palette(x * scale, y * scale, random(1), random(2), layer);
        // Find the start by going back half the length.
        let (mut px, mut py) = (x, y);
        let step = 1.5;
        let steps = (length / step) as usize;
        for _ in 0..steps / 2 {
            let angle = direction(px * scale, py * scale);
            (px, py) = (px - step * angle.cos(), py - step * angle.sin());
        }
        let bristles = (width * 1.6) as i32 + 3;
        for at in 0..steps {
            let angle = direction(px * scale, py * scale);
            let (dx, dy) = (angle.cos(), angle.sin());
            let along = at as f32 / steps as f32;
            let pressure = smoothstep(0.0, 0.10, along) * (1.0 - 0.55 * smoothstep(0.55, 1.0, along));
            let half = 0.5 * width * (0.55 + 0.45 * pressure);
            for b in 0..bristles {
                let across = 2.0 * (b as f32 + 0.5) / bristles as f32 - 1.0;
                let own = hash(b, seed as i32, 600);
                // Bristles run dry one after the other.
                let dry = perlin(0.035 * at as f32 + 31.0 * own, b as f32 * 0.7, seed % 1000);
                if along > 0.72 + 0.28 * own || (along > 0.30 && dry > 0.95 - 0.75 * along) {
                    continue;
                }
                let (bx, by) = (px - dy * across * half, py + dx * across * half);
                let shade = 1.0 + 0.30 * (own - 0.5) + 0.12 * dry;
                let hue = (hash(b / 3, seed as i32, 601) - 0.5) * 0.10;
                let colour = v3(base.x * (shade + hue), base.y * shade, base.z * (shade - hue));
                let ridge = 0.55 + 0.45 * across.abs().powi(3) + 0.75 * (own - 0.5);
                self.touch(bx, by, colour, ridge * (0.5 + 0.5 * pressure) * (0.4 + width / 26.0));
            }
            (px, py) = (px + step * dx, py + step * dy);
        }
    }

    /// Leaves paint on a pixel and, thinner, on its neighbours.
    fn touch(&mut self, x: f32, y: f32, colour: V3, thick: f32) {
        for (dx, dy, share) in
            [(0i32, 0i32, 0.85f32), (1, 0, 0.45), (0, 1, 0.45), (-1, 0, 0.25), (0, -1, 0.25)]
        {
            let (px, py) = (x.floor() as i32 + dx, y.floor() as i32 + dy);
            if px < 0 || py < 0 || px >= self.w as i32 || py >= self.h as i32 {
                continue;
            }
            let at = py as usize * self.w + px as usize;
            self.colour[at] = mix(self.colour[at], colour, share);
            self.thickness[at] += share * (thick - self.thickness[at]) * 0.8;
        }
    }

    /// The canvas under a lamp at the upper left: ridges shine, their far sides are in shade.
    fn lit(&self) -> Vec<V3> {
        let at = |x: usize, y: usize| self.thickness[y.min(self.h - 1) * self.w + x.min(self.w - 1)];
        (0..self.w * self.h)
            .map(|index| {
                let (x, y) = (index % self.w, index / self.w);
                let slope_x = at(x + 1, y) - at(x.saturating_sub(1), y);
                let slope_y = at(x, y + 1) - at(x, y.saturating_sub(1));
                let tilt = 0.42 * (slope_x + 1.25 * slope_y);
                let weave = 0.02 * ((x as f32 * 1.1).sin() + (y as f32 * 1.1).sin());
                let shine = smoothstep(0.22, 0.62, tilt) * 0.22;
                let shade = (1.0 + 0.75 * tilt.clamp(-0.55, 0.55) + weave).max(0.0);
                self.colour[index] * shade + v3(1.0, 0.97, 0.90) * shine
            })
            .collect()
    }
}

/// The direction in which strokes run at a place, in radians.
fn direction(x: f32, y: f32) -> f32 {
    let line = horizon(x);
    if y > line {
        // Furrows that run to a point on the horizon, in waves.
        let (dx, dy) = (x - 0.72, y - line + 0.10);
        return dy.atan2(dx) + 0.55 * fbm(3.5 * x, 5.0 * y, 3, 20);
    }
    let wind = 0.35 * (5.0 * x).sin() + 0.9 * fbm(1.6 * x, 2.4 * y, 3, 21);
    let (mut dx, mut dy) = (wind.cos() * 0.5, wind.sin() * 0.5);
    for (cx, cy, radius, sense) in SWIRLS {
        let (rx, ry) = (x - cx, y - cy);
        let r = (rx * rx + ry * ry).sqrt().max(1e-4);
        let pull = (-(r / radius).powi(2) * 1.1).exp() * 3.2;
        // Around the centre, a little inwards: a spiral.
        dx += pull * sense * (-ry / r) - 0.25 * pull * rx / r;
        dy += pull * sense * (rx / r) - 0.25 * pull * ry / r;
    }
    dy.atan2(dx)
}

/// Where fine accents belong, 0 to 1: the sun, the swirls' hearts, the horizon.
fn accents(x: f32, y: f32) -> f32 {
    let mut most = smoothstep(0.05, 0.0, (y - horizon(x)).abs()) * 0.8;
    for (cx, cy, radius, _) in SWIRLS {
        let r = ((x - cx).powi(2) + (y - cy).powi(2)).sqrt();
        most = most.max(smoothstep(1.0 * radius, 0.2 * radius, r));
    }
    most.max(0.28)
}

/// The colour of a stroke: the place decides the family, two random numbers the tube.
fn palette(x: f32, y: f32, a: f32, b: f32, layer: u32) -> V3 {
    let pick = |tubes: &[V3], t: f32| {
        let place = t.clamp(0.0, 0.9999) * (tubes.len() - 1) as f32;
        mix(tubes[place as usize], tubes[place as usize + 1], place.fract())
    };
    let warm = [v3(0.98, 0.93, 0.70), v3(0.98, 0.82, 0.32), v3(0.94, 0.58, 0.14), v3(0.80, 0.32, 0.12)];
    let cool = [
        v3(0.05, 0.10, 0.34),
        v3(0.08, 0.24, 0.58),
        v3(0.16, 0.46, 0.70),
        v3(0.42, 0.70, 0.74),
        v3(0.80, 0.86, 0.78),
    ];
    let earth = [
        v3(0.12, 0.20, 0.14),
        v3(0.25, 0.36, 0.13),
        v3(0.56, 0.52, 0.14),
        v3(0.86, 0.66, 0.20),
        v3(0.74, 0.34, 0.12),
    ];
    let jitter = 0.32 * (a - 0.5);
    let line = horizon(x);
    let tube = if y > line {
        let furrow = 0.5 + 0.5 * (18.0 * (x - 0.72) / (y - line + 0.16) * 0.35).sin();
        let near = smoothstep(0.0, 0.35, y - line);
        if b < 0.05 {
            pick(&cool, 0.35 + jitter)
        } else if b < 0.09 {
            v3(0.78, 0.16, 0.10)
        } else {
            pick(&earth, 0.20 + 0.62 * furrow * (1.0 - 0.35 * near) + jitter)
        }
    } else {
        let (mut glow, mut ring) = (0.0f32, 0.0f32);
        for (index, (cx, cy, radius, _)) in SWIRLS.into_iter().enumerate() {
            let r = ((x - cx).powi(2) + (y - cy).powi(2)).sqrt() / radius;
            let strength = if index == 0 { 1.0 } else { 0.62 };
            glow = glow.max(strength * smoothstep(0.62, 0.12, r));
            ring = ring.max((0.5 + 0.5 * (r * 13.0).cos()) * smoothstep(1.35, 0.5, r));
        }
        let light =
            0.16 + 0.42 * ring + 0.25 * smoothstep(0.25, line, y) + 0.30 * fbm(3.0 * x, 4.0 * y, 3, 30);
        let sky = pick(&cool, light + jitter);
        let sun = pick(&warm, 0.95 - 0.95 * glow + 0.8 * jitter);
        let accent = b < 0.06 + 0.10 * ring;
        if accent {
            pick(&warm, 0.55 + jitter)
        } else {
            mix(sky, sun, smoothstep(0.25, 0.55, glow + 0.25 * (b - 0.5)))
        }
    };
    let edge = smoothstep(0.014, 0.0, (y - line).abs()) * if layer >= 1 { 0.85 } else { 0.0 };
    mix(tube, v3(0.09, 0.10, 0.24), edge * (0.5 + 0.5 * a))
}
