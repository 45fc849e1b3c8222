//! Resampling of planar pictures: Lanczos-3 where an axis shrinks, Catmull-Rom where it grows.
//!
//! Shrinking widens the kernel by the ratio, so that everything the new grid cannot hold is filtered
//! out first; growing interpolates, with the kernel that rings least among the sharp ones. Output
//! position o looks at input coordinate (o + ½)·from/to − ½ (pixels are squares, not points); weights
//! that would fall outside are dropped and the rest brought to sum 1. Works on the encoded values.
//! One thread, one order of summation: the same bits everywhere.

/// `data`, `channels`×`h`×`w` row-major, at `new_w`×`new_h`; any finite range, nothing is cut.
///
/// The same size gives the same values. Allocates the result and `channels`·`new_h`·`w` values.
///
/// # Panics
///
/// When a side is 0 or `data` is not `channels`·`w`·`h` long.
pub fn planes(data: &[f32], channels: usize, w: usize, h: usize, new_w: usize, new_h: usize) -> Vec<f32> {
    assert_eq!(data.len(), channels * w * h, "planes: data must be channels·w·h values");
    if (w, h) == (new_w, new_h) {
        return data.to_vec();
    }
    let mut resampler = Resampler::new(channels, (w, h), (new_w, new_h));
    let mut row = vec![0.0; channels * w];
    for y in 0..h {
        for (c, part) in row.chunks_exact_mut(w).enumerate() {
            part.copy_from_slice(&data[(c * h + y) * w..][..w]);
        }
        resampler.push(&row);
    }
    resampler.finish()
}

/// Takes a picture row by row and gives it at another size, without ever holding it at its own.
pub(super) struct Resampler {
    channels: usize,
    width: usize,
    across: Axis,
    down: Axis,
    /// new height × channels × old width: sums over the rows so far.
    rows: Vec<f32>,
    /// Rows taken so far.
    y: usize,
    /// The first output row that still wants input.
    first: usize,
}

impl Resampler {
    /// From `from` = (width, height) to `to`, with `channels` values a pixel.
    pub(super) fn new(channels: usize, from: (usize, usize), to: (usize, usize)) -> Self {
        let (across, down) = (Axis::new(from.0, to.0), Axis::new(from.1, to.1));
        let rows = vec![0.0; to.1 * channels * from.0];
        Self { channels, width: from.0, across, down, rows, y: 0, first: 0 }
    }

    /// The next input row, channels×width.
    pub(super) fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.channels * self.width, "push: a row is channels·width values");
        let (taps, y) = (self.down.taps, self.y);
        while self.first < self.down.start.len() && self.down.start[self.first] + taps <= y {
            self.first += 1;
        }
        for o in self.first..self.down.start.len() {
            let start = self.down.start[o];
            if start > y {
                break;
            }
            let weight = self.down.weights[o * taps + (y - start)];
            if weight != 0.0 {
                let sums = &mut self.rows[o * row.len()..][..row.len()];
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        self.y += 1;
    }

    /// The result after the last row, channels × new height × new width.
    pub(super) fn finish(self) -> Vec<f32> {
        let (new_w, new_h) = (self.across.start.len(), self.down.start.len());
        let mut out = vec![0.0; self.channels * new_h * new_w];
        for c in 0..self.channels {
            for y in 0..new_h {
                let row = &self.rows[(y * self.channels + c) * self.width..][..self.width];
                self.across.apply(row, &mut out[(c * new_h + y) * new_w..][..new_w]);
            }
        }
        out
    }
}

/// Which inputs make each output along one axis, and with what weights.
struct Axis {
    /// First input of each output; never decreases.
    start: Vec<usize>,
    /// Inputs per output (padded with weights of 0 to a multiple of 4 where the axis is long enough).
    taps: usize,
    /// outputs × taps.
    weights: Vec<f32>,
}

impl Axis {
    fn new(from: usize, to: usize) -> Self {
        assert!(from > 0 && to > 0, "a side of 0 px");
        let ratio = from as f64 / to as f64;
        let (kernel, radius): (fn(f64) -> f64, f64) =
            if to < from { (lanczos3, 3.0) } else { (catmull_rom, 2.0) };
        let scale = ratio.max(1.0);
        let reach = radius * scale;
        let taps = (2 * reach.ceil() as usize + 1).next_multiple_of(4).min(from);
        let mut axis = Self { start: Vec::with_capacity(to), taps, weights: vec![0.0; to * taps] };
        for (o, weights) in axis.weights.chunks_exact_mut(taps).enumerate() {
            let centre = (o as f64 + 0.5) * ratio - 0.5;
            let start = ((centre - reach).ceil().max(0.0) as usize).min(from - taps);
            let weight = |i: usize| kernel(((start + i) as f64 - centre) / scale);
            let sum: f64 = (0..taps).map(weight).sum();
            weights.iter_mut().enumerate().for_each(|(i, w)| *w = (weight(i) / sum) as f32);
            axis.start.push(start);
        }
        axis
    }

    /// One row: four sums side by side, joined in a fixed order.
    fn apply(&self, row: &[f32], out: &mut [f32]) {
        for ((v, &start), weights) in
            out.iter_mut().zip(&self.start).zip(self.weights.chunks_exact(self.taps))
        {
            let inputs = &row[start..start + self.taps];
            let (a, b) = (inputs.chunks_exact(4), weights.chunks_exact(4));
            let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, w)| x * w).sum();
            let mut sums = [0.0f32; 4];
            for (x, w) in a.zip(b) {
                for lane in 0..4 {
                    sums[lane] += x[lane] * w[lane];
                }
            }
            *v = (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest;
        }
    }
}

/// sinc(x)·sinc(x/3) for |x| < 3.
fn lanczos3(x: f64) -> f64 {
    let sinc =
        |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// The cubic of Catmull and Rom (Keys 1981, a = −½), |x| < 2.
fn catmull_rom(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, straight from the module's text: a full 2-D sum in f64 per output value.
    fn naive(data: &[f32], w: usize, h: usize, new_w: usize, new_h: usize) -> Vec<f64> {
        let weight = |i: usize, o: usize, from: usize, to: usize| {
            let ratio = from as f64 / to as f64;
            let x = i as f64 + 0.5 - (o as f64 + 0.5) * ratio;
            if to < from { lanczos3(x / ratio) } else { catmull_rom(x) }
        };
        let mut out = Vec::new();
        for oy in 0..new_h {
            for ox in 0..new_w {
                let (mut sum, mut total) = (0.0, 0.0);
                for y in 0..h {
                    for x in 0..w {
                        let k = weight(y, oy, h, new_h) * weight(x, ox, w, new_w);
                        sum += k * f64::from(data[y * w + x]);
                        total += k;
                    }
                }
                out.push(sum / total);
            }
        }
        out
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 * 4.0 - 2.0
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn agrees_with_the_definition() {
        let sizes = [1, 2, 3, 5, 8, 13, 31, 64];
        for (i, &w) in sizes.iter().enumerate() {
            for (j, &h) in sizes.iter().enumerate() {
                let (new_w, new_h) = (sizes[(i + 3 * j + 1) % 8], sizes[(3 * i + j + 2) % 8]);
                let data = noise(2 * w * h);
                let got = planes(&data, 2, w, h, new_w, new_h);
                for c in 0..2 {
                    let want = naive(&data[c * w * h..][..w * h], w, h, new_w, new_h);
                    for (g, n) in got[c * new_w * new_h..].iter().zip(&want) {
                        assert!((f64::from(*g) - n).abs() < 2e-5, "{w}×{h} → {new_w}×{new_h}: {g} for {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_constant_stays_and_nothing_is_cut() {
        for (new_w, new_h) in [(3, 50), (40, 7), (1, 1)] {
            assert!(planes(&[-3.5; 17 * 11], 1, 17, 11, new_w, new_h).iter().all(|v| (v + 3.5).abs() < 1e-5));
        }
    }

    #[test]
    fn the_same_size_gives_the_same_bits() {
        let data = noise(3 * 7 * 5);
        assert_eq!(planes(&data, 3, 7, 5, 7, 5), data);
        // Also when only the other axis changes: the interpolating kernel is 1 at 0 and 0 at ±1, ±2.
        let columns: Vec<f32> = (0..7 * 5).map(|i| data[i % 7]).collect();
        let taller = planes(&columns, 1, 7, 5, 7, 9);
        taller.iter().enumerate().for_each(|(i, v)| assert!((v - data[i % 7]).abs() < 1e-6));
    }

    #[test]
    fn what_the_new_grid_cannot_hold_is_filtered_out() {
        // The finest checkerboard must become its mean, not another pattern.
        let board: Vec<f32> = (0..64 * 64).map(|i| ((i % 64 + i / 64) % 2) as f32).collect();
        let small = planes(&board, 1, 64, 64, 21, 21);
        let inner = (5..16).flat_map(|y| (5..16).map(move |x| (y, x)));
        inner.for_each(|(y, x)| assert!((small[y * 21 + x] - 0.5).abs() < 0.01, "{}", small[y * 21 + x]));
    }

    #[test]
    fn a_slope_keeps_its_place() {
        // No half-pixel shift: a linear ramp over the picture is the same ramp at any size.
        let ramp = |n: usize| (0..n).map(|i| (i as f32 + 0.5) / n as f32).collect::<Vec<_>>();
        for n in [30, 60, 90, 200, 411] {
            let got = planes(&ramp(120), 1, 120, 1, n, 1);
            let margin = n / 15 + 2; // at the border the kernel is one-sided
            for i in margin..n - margin {
                assert!((got[i] - ramp(n)[i]).abs() < 2e-3, "{n}: {i}: {} for {}", got[i], ramp(n)[i]);
            }
        }
    }
}
