//! Colours told by primaries and a curve: PNG's cICP and gAMA with cHRM, and BMP's calibrated RGB.
//!
//! Values → light by the curve → XYZ by the primaries → D65 by Bradford's adaptation → sRGB. Code points are those of
//! ITU-T H.273. High dynamic range (PQ, HLG) is brought to a reference white of 203 cd/m² (ITU-R BT.2408), and what is
//! brighter is cut.

/// CIE 1931 x, y.
type Xy = (f64, f64);
type Matrix = [[f64; 3]; 3];

const D65: Xy = (0.3127, 0.3290);
const ILLUMINANT_C: Xy = (0.310, 0.316);
const BT709: [Xy; 3] = [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)];
/// cd/m².
const REFERENCE_WHITE: f64 = 203.0;
const HLG_PEAK: f64 = 1000.0;

/// From stored values to light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::picture) enum Curve {
    Srgb,
    /// light = value^exponent, for R, G and B.
    Gamma([f64; 3]),
    Bt709,
    St240,
    /// A range of 10^decades to 1.
    Log(f64),
    Pq,
    St428,
    Hlg,
}

/// Primaries, white and curve.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::picture) struct Calibrated {
    primaries: [Xy; 3],
    white: Xy,
    curve: Curve,
    /// Values lie in 16/255 to 235/255.
    narrow: bool,
}

impl Calibrated {
    /// Primaries as three points with a white; none if they span no colours.
    pub(in crate::picture) fn new(primaries: [Xy; 3], white: Xy, curve: Curve) -> Option<Self> {
        let colours = Self { primaries, white, curve, narrow: false };
        let exponents = if let Curve::Gamma(exponents) = curve { exponents } else { [1.0; 3] };
        let sane = exponents.iter().all(|e| (0.01..=100.0).contains(e)) && white.1 > 1e-3;
        (sane && to_xyz(&colours).is_some()).then_some(colours)
    }

    /// sRGB's primaries with another curve.
    pub(in crate::picture) fn with_curve(curve: Curve) -> Option<Self> {
        Self::new(BT709, D65, curve)
    }

    /// By the code points of H.273; none for those that are unknown or reserved.
    pub(in crate::picture) fn from_code_points(
        primaries: u8,
        transfer: u8,
        full_range: bool,
    ) -> Option<Self> {
        let (primaries, white) = match primaries {
            1 => (BT709, D65),
            4 => ([(0.67, 0.33), (0.21, 0.71), (0.14, 0.08)], ILLUMINANT_C),
            5 => ([(0.64, 0.33), (0.29, 0.60), (0.15, 0.06)], D65),
            6 | 7 => ([(0.630, 0.340), (0.310, 0.595), (0.155, 0.070)], D65),
            8 => ([(0.681, 0.319), (0.243, 0.692), (0.145, 0.049)], ILLUMINANT_C),
            9 => ([(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)], D65),
            10 => ([(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)], (1.0 / 3.0, 1.0 / 3.0)),
            11 => ([(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)], (0.314, 0.351)),
            12 => ([(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)], D65),
            22 => ([(0.630, 0.340), (0.295, 0.605), (0.155, 0.077)], D65),
            _ => return None,
        };
        let curve = match transfer {
            1 | 6 | 11 | 12 | 14 | 15 => Curve::Bt709,
            4 => Curve::Gamma([2.2; 3]),
            5 => Curve::Gamma([2.8; 3]),
            7 => Curve::St240,
            8 => Curve::Gamma([1.0; 3]),
            9 => Curve::Log(2.0),
            10 => Curve::Log(2.5),
            13 => Curve::Srgb,
            16 => Curve::Pq,
            17 => Curve::St428,
            18 => Curve::Hlg,
            _ => return None,
        };
        Some(Self { primaries, white, curve, narrow: !full_range })
    }
}

/// [`Calibrated`] made ready for rows.
pub(in crate::picture) struct Transform {
    curve: Curve,
    narrow: bool,
    matrix: Matrix,
    /// What HLG's system gamma weighs light by.
    luminance: [f64; 3],
}

impl Transform {
    /// None when the colours are sRGB in effect: then values stay as they are, to the last bit.
    pub(in crate::picture) fn new(colours: &Calibrated) -> Option<Self> {
        let xyz = to_xyz(colours)?;
        let adapted = product(&adaptation(colours.white, D65), &xyz);
        let srgb = Calibrated { primaries: BT709, white: D65, curve: Curve::Srgb, narrow: false };
        let matrix = product(&inverse(&to_xyz(&srgb)?)?, &adapted);
        let transform = Self { curve: colours.curve, narrow: colours.narrow, matrix, luminance: xyz[1] };
        let steps = || (0..=16).map(|i| i as f32 / 16.0);
        let probe = steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| [r, g, b])));
        let changes = probe.into_iter().any(|rgb| {
            let mut got = rgb;
            transform.apply(&mut got);
            got.iter().zip(rgb).any(|(g, w)| (g - w).abs() >= 0.5 / 255.0)
        });
        changes.then_some(transform)
    }

    /// Interleaved RGB to sRGB in [0, 1]; whether something brighter than white was cut.
    pub(in crate::picture) fn apply(&self, rgb: &mut [f32]) -> bool {
        let mut cut = false;
        for rgb in rgb.chunks_exact_mut(3) {
            let mut light = [0.0; 3];
            for c in 0..3 {
                let v = f64::from(rgb[c]);
                let v = if self.narrow { (v * 255.0 - 16.0) / 219.0 } else { v };
                light[c] = self.light(v.clamp(0.0, 1.0), c);
            }
            if self.curve == Curve::Hlg {
                // The system gamma of BT.2100 for a display of 1000 cd/m².
                let y: f64 = light.iter().zip(self.luminance).map(|(v, w)| v * w).sum();
                let gain = y.max(0.0).powf(0.2) * HLG_PEAK / REFERENCE_WHITE;
                light = light.map(|v| v * gain);
            }
            for c in 0..3 {
                let v: f64 = self.matrix[c].iter().zip(light).map(|(m, v)| m * v).sum();
                cut |= v > 1.02 && matches!(self.curve, Curve::Pq | Curve::Hlg);
                rgb[c] = encoded(v.clamp(0.0, 1.0)) as f32;
            }
        }
        cut
    }

    /// Light of a stored value in [0, 1].
    fn light(&self, v: f64, channel: usize) -> f64 {
        match self.curve {
            Curve::Srgb if v <= 0.04045 => v / 12.92,
            Curve::Srgb => ((v + 0.055) / 1.055).powf(2.4),
            Curve::Gamma(exponents) => v.powf(exponents[channel]),
            Curve::Bt709 if v < 0.081 => v / 4.5,
            Curve::Bt709 => ((v + 0.099) / 1.099).powf(1.0 / 0.45),
            Curve::St240 if v < 0.0913 => v / 4.0,
            Curve::St240 => ((v + 0.1115) / 1.1115).powf(1.0 / 0.45),
            Curve::Log(_) if v <= 0.0 => 0.0,
            Curve::Log(decades) => 10f64.powf((v - 1.0) * decades),
            Curve::St428 => v.powf(2.6) * 52.37 / 48.0,
            Curve::Pq => {
                // SMPTE ST 2084, equation 4.1.
                let (m1, m2) = (2610.0 / 16384.0, 2523.0 / 4096.0 * 128.0);
                let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 4096.0 * 32.0, 2392.0 / 4096.0 * 32.0);
                let p = v.powf(1.0 / m2);
                ((p - c1).max(0.0) / (c2 - c3 * p)).powf(1.0 / m1) * 10_000.0 / REFERENCE_WHITE
            }
            Curve::Hlg if v <= 0.5 => v * v / 3.0,
            Curve::Hlg => {
                // BT.2100, table 5.
                let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
                (((v - c) / a).exp() + b) / 12.0
            }
        }
    }
}

/// sRGB's curve (IEC 61966-2-1).
fn encoded(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// Linear RGB to XYZ with the white at Y = 1 (SMPTE RP 177).
fn to_xyz(colours: &Calibrated) -> Option<Matrix> {
    let column = |(x, y): Xy| [x, y, 1.0 - x - y];
    let [r, g, b] = colours.primaries.map(column);
    let p: Matrix = std::array::from_fn(|i| [r[i], g[i], b[i]]);
    let white = column(colours.white).map(|v| v / colours.white.1);
    let back = inverse(&p)?;
    let scale: [f64; 3] = std::array::from_fn(|i| (0..3).map(|j| back[i][j] * white[j]).sum());
    let xyz: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| p[i][j] * scale[j]));
    xyz.iter().flatten().all(|v| v.is_finite()).then_some(xyz)
}

/// Bradford's adaptation of XYZ from one white to another.
fn adaptation(from: Xy, to: Xy) -> Matrix {
    const CONE: Matrix = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];
    let response = |(x, y): Xy| -> [f64; 3] {
        let xyz = [x / y, 1.0, (1.0 - x - y) / y];
        CONE.map(|row| row.iter().zip(xyz).map(|(m, v)| m * v).sum())
    };
    let (from, to) = (response(from), response(to));
    let scale: Matrix = std::array::from_fn(|i| {
        std::array::from_fn(|j| if i == j && from[i] != 0.0 { to[i] / from[i] } else { 0.0 })
    });
    inverse(&CONE).map_or(CONE, |back| product(&back, &product(&scale, &CONE)))
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

/// By cofactors; none if there is no inverse.
fn inverse(m: &Matrix) -> Option<Matrix> {
    let minor = |i: usize, j: usize| {
        let (r, s) = ((i + 1) % 3, (i + 2) % 3);
        let (c, d) = ((j + 1) % 3, (j + 2) % 3);
        m[r][c] * m[s][d] - m[r][d] * m[s][c]
    };
    let determinant: f64 = (0..3).map(|j| m[0][j] * minor(0, j)).sum();
    (determinant.abs() > 1e-9)
        .then(|| std::array::from_fn(|i| std::array::from_fn(|j| minor(j, i) / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srgb(colours: &Calibrated, rgb: [f32; 3]) -> [f32; 3] {
        let mut rgb = rgb;
        if let Some(transform) = Transform::new(colours) {
            transform.apply(&mut rgb);
        }
        rgb
    }

    #[track_caller]
    fn near(got: [f32; 3], want: [f32; 3]) {
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 2e-3), "{got:?} for {want:?}");
    }

    #[test]
    fn srgb_changes_nothing() {
        assert!(Transform::new(&Calibrated::from_code_points(1, 13, true).unwrap()).is_none());
        let spoken = Calibrated::new(BT709, D65, Curve::Srgb).unwrap();
        assert!(Transform::new(&spoken).is_none());
    }

    #[test]
    fn display_p3_by_the_book() {
        // Linear P3 (D65) to linear sRGB, from the primaries of SMPTE EG 432-1.
        let p3 = Calibrated::from_code_points(12, 13, true).unwrap();
        near(srgb(&p3, [0.5; 3]), [0.5; 3]);
        near(srgb(&p3, [0.6, 128.0 / 255.0, 0.4]), [0.6196, 0.4972, 0.3850]);
        near(srgb(&p3, [1.0, 0.0, 0.0]), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn curves_at_known_points() {
        let grey =
            |transfer: u8, v: f32| srgb(&Calibrated::from_code_points(1, transfer, true).unwrap(), [v; 3])[0];
        let of_light = |light: f64| encoded(light) as f32;
        for (transfer, v, light) in [
            (8, 0.5, 0.5),
            (4, 0.5, 0.5f64.powf(2.2)),
            (5, 0.5, 0.5f64.powf(2.8)),
            (1, 0.5, 0.259_589), // BT.709, inverted
            (14, 0.04, 0.04 / 4.5),
            (7, 0.5, 0.265_00), // SMPTE 240M
            (9, 0.5, 0.1),
            (10, 0.5, 0.056_234),
            (16, 0.580_69, 1.0), // 203 cd/m² in PQ (BT.2408, table 1)
            (18, 0.75, 1.0),     // and in HLG
            (17, 0.967_01, 1.0), // 48 cd/m² in ST 428
        ] {
            assert!((grey(transfer, v) - of_light(light)).abs() < 4e-3, "{transfer}: {}", grey(transfer, v));
        }
        // Narrow range: 16 is black, 235 white.
        let narrow = Calibrated::from_code_points(1, 13, false).unwrap();
        near(srgb(&narrow, [16.0 / 255.0, 235.0 / 255.0, 125.5 / 255.0]), [0.0, 1.0, 0.5]);
    }

    #[test]
    fn highlights_are_told() {
        let pq = Transform::new(&Calibrated::from_code_points(9, 16, true).unwrap()).unwrap();
        assert!(pq.apply(&mut [0.8; 3]) && !pq.apply(&mut [0.5; 3]));
    }

    #[test]
    fn what_spans_no_colours_is_refused() {
        assert!(Calibrated::new([(0.3, 0.3); 3], D65, Curve::Srgb).is_none());
        assert!(Calibrated::new(BT709, (0.3, 0.0), Curve::Srgb).is_none());
        assert!(Calibrated::new(BT709, D65, Curve::Gamma([0.0, 1.0, 1.0])).is_none());
        for primaries in [0, 2, 3, 13, 255] {
            assert!(Calibrated::from_code_points(primaries, 13, true).is_none());
        }
        assert!(Calibrated::from_code_points(1, 2, true).is_none());
    }
}
