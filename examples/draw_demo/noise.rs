//! Smooth noise (Perlin 2002) and its sums.

/// A hash of a lattice point, uniform in [0, 1).
pub fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h ^ (h >> 15)) as f32 / 4_294_967_296.0
}

/// Gradient noise, about [−1, 1].
pub fn perlin(x: f32, y: f32, seed: u32) -> f32 {
    let (xi, yi) = (x.floor(), y.floor());
    let (fx, fy) = (x - xi, y - yi);
    let corner = |dx: i32, dy: i32| {
        let angle = std::f32::consts::TAU * hash(xi as i32 + dx, yi as i32 + dy, seed);
        angle.cos() * (fx - dx as f32) + angle.sin() * (fy - dy as f32)
    };
    let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let lerp = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let (u, v) = (fade(fx), fade(fy));
    1.5 * lerp(lerp(corner(0, 0), corner(1, 0), u), lerp(corner(0, 1), corner(1, 1), u), v)
}

/// Octaves of noise, each twice as fine and half as strong, turned so that no lattice shows.
pub fn fbm(mut x: f32, mut y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut strength) = (0.0, 0.5);
    for octave in 0..octaves {
        sum += strength * perlin(x, y, seed + octave);
        (x, y) = (1.6 * x + 1.2 * y + 3.1, -1.2 * x + 1.6 * y - 7.7);
        strength *= 0.5;
    }
    sum
}

/// As [`fbm`], with sharp ridges, in [0, 1].
pub fn ridged(mut x: f32, mut y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut strength, mut above) = (0.0, 0.5, 1.0);
    for octave in 0..octaves {
        let ridge = 1.0 - perlin(x, y, seed + octave).abs().min(1.0);
        let ridge = ridge * ridge * above;
        sum += strength * ridge;
        above = ridge;
        (x, y) = (1.6 * x + 1.2 * y + 3.1, -1.2 * x + 1.6 * y - 7.7);
        strength *= 0.5;
    }
    sum
}
