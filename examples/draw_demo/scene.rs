//! The "photo": a house and trees above a lake, mountains behind it, evening light from the left.
//!
//! The land is a height field, marched along each ray; house and trees are distance fields (Hart 1996). One
//! shadow ray, sky light, aerial perspective and a mirror for the water make the light.

use rayon::prelude::*;

use super::noise::{fbm, hash, perlin, ridged};
use super::reduced;
use super::vector::{V3, mix, smoothstep, v3};
use impasto::picture::Picture;

const WATER: f32 = 0.0;
const EYE: V3 = v3(0.0, 3.9, -5.0);
const HOUSE: V3 = v3(3.9, 0.0, 9.5);

/// Towards the sun.
fn sun() -> V3 {
    v3(-0.86, 0.47, -0.12).unit()
}

/// Draws the scene.
pub fn draw(width: usize, height: usize) -> impasto::Result<Picture> {
    let (w, h) = (2 * width, 2 * height);
    let forward = (v3(0.9, 2.75, 9.0) - EYE).unit();
    let right = v3(0.0, 1.0, 0.0).cross(forward).unit();
    let up = forward.cross(right);
    let scene = Scene::new();
    let pixels: Vec<V3> = (0..w * h)
        .into_par_iter()
        .map(|at| {
            let (x, y) = ((at % w) as f32 + 0.5, (at / w) as f32 + 0.5);
            let (u, v) = ((2.0 * x - w as f32) / h as f32, (h as f32 - 2.0 * y) / h as f32);
            let ray = (forward * 1.75 + right * u + up * v).unit();
            let colour = scene.look(EYE, ray);
            let edge = 1.0 - 0.10 * (u * u + v * v) * 0.45;
            develop(colour * edge) + v3(1.0, 1.0, 1.0) * (0.012 * (hash(at as i32, 7, 99) - 0.5))
        })
        .collect();
    reduced(width, height, &pixels)
}

/// From light to sRGB: a filmic curve (Narkowicz 2015) and gamma.
fn develop(light: V3) -> V3 {
    let film = |x: f32| (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14);
    light.map(|x| film((x * 0.82).max(0.0)).clamp(0.0, 1.0).powf(1.0 / 2.2))
}

/// What stands on the land.
#[derive(Clone, Copy)]
enum Thing {
    Wall,
    Roof,
    Leaves(f32),
    Needles(f32),
    Trunk,
}

/// A tree: where, how high, and its kind.
struct Tree {
    foot: V3,
    height: f32,
    conifer: bool,
    tint: f32,
}

struct Scene {
    trees: Vec<Tree>,
    house: V3,
}

impl Scene {
    fn new() -> Self {
        let mut trees = Vec::new();
        let mut plant = |x: f32, z: f32, height: f32, conifer: bool| {
            let tint = hash((x * 37.0) as i32, (z * 37.0) as i32, 5);
            trees.push(Tree { foot: v3(x, land(x, z) - 0.05, z), height, conifer, tint });
        };
        for (x, z, height, conifer) in [
            (6.6, 9.4, 2.9, false),
            (2.0, 11.6, 2.3, false),
            (-4.3, 5.2, 3.3, true),
            (-5.3, 6.6, 2.5, true),
            (-6.4, 5.4, 3.0, true),
            (8.3, 12.4, 3.4, true),
            (-3.4, 7.6, 1.5, false),
        ] {
            plant(x, z, height, conifer);
        }
        for i in 0..70 {
            let (x, z) = (-46.0 + 92.0 * hash(i, 1, 21), 46.0 + 24.0 * hash(i, 2, 21));
            if land(x, z) > 0.6 {
                plant(x, z, 2.0 + 1.9 * hash(i, 3, 21), hash(i, 4, 21) < 0.6);
            }
        }
        Self { trees, house: v3(HOUSE.x, land(HOUSE.x, HOUSE.z) + 0.05, HOUSE.z) }
    }

    /// The light that comes along a ray.
    fn look(&self, from: V3, ray: V3) -> V3 {
        let land_at = march(from, ray, 260.0);
        let thing = self.trace(from, ray, land_at.unwrap_or(60.0).min(95.0));
        let water = if ray.y < 0.0 { Some((WATER - from.y) / ray.y) } else { None };
        if let Some((distance, thing)) = thing
            && water.is_none_or(|w| distance < w)
        {
            let place = from + ray * distance;
            return haze(self.thing_colour(place, ray, thing), distance, ray);
        }
        match (land_at, water) {
            (Some(distance), water) if water.is_none_or(|w| distance < w) => {
                let place = from + ray * distance;
                haze(self.land_colour(place, distance), distance, ray)
            }
            (_, Some(distance)) if distance < 250.0 => self.water_colour(from, ray, distance),
            _ => sky(ray),
        }
    }

    fn water_colour(&self, from: V3, ray: V3, distance: f32) -> V3 {
        let place = from + ray * distance;
        let calm = 1.0 / (1.0 + 0.04 * distance);
        let slope = |dx: f32, dz: f32| {
            let wave = |x: f32, z: f32| fbm(0.5 * x, 2.1 * z, 3, 60);
            (wave(place.x + dx, place.z + dz) - wave(place.x, place.z)) / 0.05
        };
        let normal = v3(-0.035 * calm * slope(0.05, 0.0), 1.0, -0.05 * calm * slope(0.0, 0.05)).unit();
        let mut mirrored = ray - normal * (2.0 * ray.dot(normal));
        mirrored.y = mirrored.y.abs().max(0.01);
        let start = place + v3(0.0, 0.02, 0.0);
        let reflected = match (march(start, mirrored, 200.0), self.trace(start, mirrored, 70.0)) {
            (land, Some((d, thing))) if land.is_none_or(|l| d < l) => {
                let hit = start + mirrored * d;
                haze(self.thing_colour(hit, mirrored, thing), distance + d, mirrored)
            }
            (Some(d), _) => {
                haze(self.land_colour(start + mirrored * d, distance + d), distance + d, mirrored)
            }
            _ => sky(mirrored),
        };
        let fresnel = 0.05 + 0.95 * (1.0 - (-ray.dot(normal)).max(0.0)).powi(5);
        let depth = (WATER - land(place.x, place.z)).max(0.0);
        let bed = mix(v3(0.20, 0.24, 0.15), v3(0.025, 0.10, 0.12), smoothstep(0.0, 0.9, depth));
        haze(mix(bed, reflected * 0.93, (fresnel + 0.25).min(1.0)), 0.6 * distance, ray)
    }

    fn land_colour(&self, place: V3, distance: f32) -> V3 {
        let normal = land_normal(place, 0.01 + 0.002 * distance);
        let steep = 1.0 - normal.y;
        let patch = fbm(place.x * 0.5, place.z * 0.5, 4, 11);
        let fine = fbm(place.x * 9.0, place.z * 9.0, 3, 12);
        let mut ground = mix(v3(0.11, 0.19, 0.035), v3(0.30, 0.30, 0.07), smoothstep(-0.25, 0.35, patch));
        if distance < 40.0 {
            let blades = perlin(place.x * 30.0, place.z * 11.0, 13);
            ground = ground * (1.0 + 0.7 * fine + 0.35 * blades * smoothstep(25.0, 4.0, distance));
            ground = mix(ground, flowers(place), flower_cover(place) * smoothstep(26.0, 14.0, distance));
        }
        let path = (place.x - path_at(place.z)).abs();
        let width = 0.34 + 0.10 * fine;
        let worn = smoothstep(width + 0.14, width - 0.10, path) * smoothstep(9.0, 8.2, place.z);
        ground = mix(ground, v3(0.46, 0.36, 0.23) * (1.0 + 0.5 * fine), worn);
        let shore = smoothstep(0.30, 0.06, place.y);
        ground = mix(ground, v3(0.40, 0.34, 0.22) * (1.0 + 0.5 * fine), shore);
        if place.z > 40.0 {
            let wood = smoothstep(9.5, 5.0, place.y + 4.0 * patch);
            let grain = fbm(place.x * 2.6, place.z * 2.6, 4, 15);
            let forest = v3(0.05, 0.105, 0.035) * (1.0 + 1.5 * grain);
            let rock = mix(v3(0.25, 0.22, 0.20), v3(0.40, 0.36, 0.33), 0.5 + grain);
            ground = mix(rock, forest, wood * smoothstep(0.75, 0.40, steep));
            let snow = smoothstep(17.0, 24.0, place.y + 8.0 * patch) * smoothstep(0.55, 0.28, steep);
            ground = mix(ground, v3(0.78, 0.80, 0.86), snow);
        }
        self.lit(place, normal, ground, 1.0)
    }

    fn thing_colour(&self, place: V3, ray: V3, thing: Thing) -> V3 {
        let e = 0.006;
        let d = |p: V3| self.things(p).0;
        let normal = v3(
            d(place + v3(e, 0.0, 0.0)) - d(place - v3(e, 0.0, 0.0)),
            d(place + v3(0.0, e, 0.0)) - d(place - v3(0.0, e, 0.0)),
            d(place + v3(0.0, 0.0, e)) - d(place - v3(0.0, 0.0, e)),
        )
        .unit();
        let p = place - self.house;
        let rough = fbm(place.x * 6.0 + place.z * 5.0, place.y * 7.0, 4, 31);
        match thing {
            Thing::Wall => self.lit(place, normal, wall(p, rough), 1.0),
            Thing::Roof => {
                let tiles =
                    0.8 + 0.2 * (p.y * 42.0).sin().signum() * 0.4 + 0.25 * perlin(p.x * 14.0, p.y * 14.0, 32);
                self.lit(place, normal, v3(0.50, 0.135, 0.075) * (tiles + 0.4 * rough), 1.0)
            }
            Thing::Leaves(tint) => {
                let green = mix(v3(0.14, 0.235, 0.035), v3(0.40, 0.28, 0.05), tint * 0.75);
                let through = smoothstep(-0.2, 0.9, ray.dot(sun())) * 0.3;
                self.lit(place, normal, green * (1.0 + 1.1 * rough), 0.8) + green * through
            }
            Thing::Needles(tint) => {
                let green = mix(v3(0.035, 0.10, 0.045), v3(0.075, 0.145, 0.05), tint);
                self.lit(place, normal, green * (1.1 + 1.2 * rough), 0.8)
            }
            Thing::Trunk => self.lit(place, normal, v3(0.16, 0.10, 0.06) * (1.0 + rough), 1.0),
        }
    }

    /// A surface in the light of the sun (with its shadow) and of the sky.
    fn lit(&self, place: V3, normal: V3, colour: V3, shade: f32) -> V3 {
        let facing = normal.dot(sun()).max(0.0);
        let shadow = if facing > 0.0 { self.shadow(place + normal * 0.03) } else { 0.0 };
        let sky = 0.5 + 0.5 * normal.y;
        let around = self.openness(place, normal) * shade;
        let light = v3(3.1, 2.25, 1.35) * (facing * shadow)
            + v3(0.42, 0.56, 0.80) * (sky * around)
            + v3(0.22, 0.18, 0.10) * ((1.0 - sky) * around)
            + v3(0.30, 0.20, 0.12)
                * (0.5 + 0.5 * normal.dot(v3(-sun().x, 0.0, -sun().z)).min(0.0).abs())
                * 0.3;
        colour.times(light)
    }

    /// How much of the sun arrives: 0 to 1, soft at the edge.
    fn shadow(&self, from: V3) -> f32 {
        let (mut t, mut open) = (0.04, 1.0f32);
        for _ in 0..60 {
            let p = from + sun() * t;
            let d = self.things(p).0.min((p.y - land(p.x, p.z)) * 0.7);
            open = open.min(14.0 * d / t);
            if open < 0.01 || t > 60.0 {
                break;
            }
            t += d.clamp(0.04, 2.0);
        }
        smoothstep(0.0, 1.0, open)
    }

    /// How little stands around a place, 0 to 1 (five samples of the distance along the normal).
    fn openness(&self, place: V3, normal: V3) -> f32 {
        let mut closed = 0.0;
        for step in 1..=4 {
            let d = 0.13 * step as f32;
            let p = place + normal * d;
            let free = self.things(p).0.min(p.y - land(p.x, p.z)).max(0.0);
            closed += (d - free).max(0.0) * 0.75f32.powi(step);
        }
        (1.0 - 1.15 * closed).clamp(0.15, 1.0)
    }

    /// The first thing along a ray.
    fn trace(&self, from: V3, ray: V3, far: f32) -> Option<(f32, Thing)> {
        let mut t = 0.1;
        for _ in 0..220 {
            let (d, thing) = self.things(from + ray * t);
            if d < 0.0012 * t.max(1.0) {
                return Some((t, thing));
            }
            t += d * 0.75;
            if t > far {
                return None;
            }
        }
        None
    }

    /// The distance to the nearest thing, from below.
    fn things(&self, p: V3) -> (f32, Thing) {
        let mut nearest = house(p - self.house);
        for tree in &self.trees {
            let q = p - tree.foot;
            let middle = v3(q.x, q.y - 0.5 * tree.height, q.z);
            let bound = middle.length() - 0.85 * tree.height;
            if bound > 0.6 {
                if bound < nearest.0 {
                    nearest = (bound, nearest.1);
                }
                continue;
            }
            let found = tree.distance(q);
            if found.0 < nearest.0 {
                nearest = found;
            }
        }
        nearest
    }
}

impl Tree {
    fn distance(&self, q: V3) -> (f32, Thing) {
        let h = self.height;
        let radial = (q.x * q.x + q.z * q.z).sqrt();
        let angle = q.z.atan2(q.x);
        let bumps =
            |scale: f32| fbm(scale * (q.x + 0.7 * q.z) + 9.0 * self.tint, scale * (q.y + 0.5 * q.z), 4, 41);
        if self.conifer {
            // Tiers of branches that droop and shorten upwards.
            let y = (q.y / h).clamp(0.0, 1.0);
            let tier = (y * 7.0 + 0.25 * (angle * 5.0 + 6.0 * self.tint).sin()).fract();
            let reach = h * 0.235 * (1.0 - y).powf(0.8) * (1.0 - 0.42 * tier);
            let outside = (radial - reach) * 0.8;
            let above = (q.y - h).max(0.12 * h - q.y);
            let d = outside.max(above) + 0.10 * bumps(5.0);
            (d * 0.6, Thing::Needles(self.tint))
        } else {
            let ball = |c: V3, r: f32| (q - c * h).length() - r * h;
            let crown = ball(v3(0.0, 0.66, 0.0), 0.30)
                .min(ball(v3(0.20, 0.54, 0.05), 0.22))
                .min(ball(v3(-0.20, 0.56, -0.04), 0.23))
                .min(ball(v3(0.03, 0.52, -0.20), 0.20))
                .min(ball(v3(-0.05, 0.84, 0.03), 0.18));
            let crown = (crown + 0.17 * h * bumps(7.0 / h.max(1.0)) + 0.05 * bumps(14.0)) * 0.6;
            let trunk = (radial - 0.035 * h * (1.3 - q.y / h)).max(q.y - 0.6 * h).max(-q.y - 0.2) * 0.8;
            if trunk < crown { (trunk, Thing::Trunk) } else { (crown, Thing::Leaves(self.tint)) }
        }
    }
}

/// A box of half sizes `b` around the origin.
fn cuboid(p: V3, b: V3) -> f32 {
    let q = p.map(f32::abs) - b;
    q.map(|x| x.max(0.0)).length() + q.x.max(q.y).max(q.z).min(0.0)
}

/// The house turned a little, standing on its origin.
fn turned(p: V3) -> V3 {
    let (s, c) = 0.52f32.sin_cos();
    v3(c * p.x - s * p.z, p.y, s * p.x + c * p.z)
}

fn house(p: V3) -> (f32, Thing) {
    let q = turned(p);
    let walls = cuboid(q - v3(0.0, 0.55, 0.0), v3(1.15, 0.75, 0.8));
    // The gable under the roof.
    let slope = 0.80;
    let gable = ((q.y - 1.3 + q.z.abs() * slope - 0.78 * slope).max(q.x.abs() - 1.15)).max(1.2 - q.y) * 0.75;
    let sheet = ((q.y - 1.3 + q.z.abs() * slope - 0.84 * slope).abs() - 0.045) * 0.78;
    let roof = sheet.max(q.x.abs() - 1.33).max(q.z.abs() - 1.03);
    let chimney = cuboid(q - v3(0.62, 2.0, 0.28), v3(0.13, 0.42, 0.13));
    let wall = walls.min(gable).min(chimney);
    if roof < wall { (roof, Thing::Roof) } else { (wall, Thing::Wall) }
}

/// The paint of the house's walls: plaster, windows with shutters, a door, the chimney's bricks.
fn wall(p: V3, rough: f32) -> V3 {
    let q = turned(p);
    let plaster = v3(0.80, 0.74, 0.62) * (1.0 + 0.18 * rough);
    if q.y > 1.62 && q.x > 0.4 {
        let brick =
            (q.y * 16.0).fract() < 0.14 || ((q.x + q.z) * 12.0 + (q.y * 16.0).floor() * 0.5).fract() < 0.10;
        return if brick { v3(0.45, 0.40, 0.35) } else { v3(0.36, 0.15, 0.10) * (1.0 + 0.6 * rough) };
    }
    let along = if q.z.abs() > 0.78 { q.x } else { q.z };
    let inside = |c: f32, y: f32, w: f32, h: f32| (along - c).abs() < w && (q.y - y).abs() < h;
    let glass = v3(0.06, 0.08, 0.10);
    for centre in if q.z.abs() > 0.78 { [-0.72, 0.72] } else { [-0.36, 0.36] } {
        if inside(centre, 0.80, 0.15, 0.21) {
            let bar = (along - centre).abs() < 0.014 || (q.y - 0.80).abs() < 0.014;
            let frame = !inside(centre, 0.80, 0.125, 0.185);
            return if bar || frame { v3(0.75, 0.73, 0.68) } else { glass };
        }
        if inside(centre, 0.80, 0.29, 0.21) {
            return v3(0.10, 0.25, 0.30) * (0.85 + 0.15 * (q.y * 60.0).sin());
        }
    }
    if q.z.abs() > 0.78 && inside(0.0, 0.42, 0.17, 0.40) {
        return v3(0.22, 0.10, 0.05) * (0.85 + 0.15 * (q.x * 70.0).sin());
    }
    mix(v3(0.34, 0.32, 0.29), plaster, smoothstep(0.10, 0.16, q.y + 0.03 * rough))
}

/// The middle of the footpath at depth z.
fn path_at(z: f32) -> f32 {
    1.1 + 0.9 * (0.33 * z + 0.4).sin() + 0.20 * z - 0.3
}

/// Where flowers stand, 0 or 1.
fn flower_cover(p: V3) -> f32 {
    let (x, z) = (p.x * 9.0, p.z * 9.0);
    let (i, j) = (x.floor(), z.floor());
    let (a, b) = (hash(i as i32, j as i32, 51), hash(i as i32, j as i32, 52));
    let (dx, dz) = (x - i - 0.25 - 0.5 * a, z - j - 0.25 - 0.5 * b);
    let meadow = smoothstep(-0.05, 0.3, fbm(p.x * 0.6 + 4.0, p.z * 0.6, 3, 53));
    let near_path = smoothstep(0.5, 0.8, (p.x - path_at(p.z)).abs());
    let here = hash(i as i32, j as i32, 54) < 0.55 * meadow * near_path && p.y > 0.4;
    if here && dx * dx + dz * dz < 0.05 { 1.0 } else { 0.0 }
}

fn flowers(p: V3) -> V3 {
    let (i, j) = ((p.x * 9.0).floor() as i32, (p.z * 9.0).floor() as i32);
    match (hash(i, j, 55) * 4.0) as u32 {
        0 => v3(0.75, 0.62, 0.10),
        1 => v3(0.80, 0.78, 0.72),
        _ => v3(0.70, 0.07, 0.04),
    }
}

/// The height of the land.
fn land(x: f32, z: f32) -> f32 {
    let meadow = 1.75 - 0.055 * (z - 2.0) + 0.05 * x + 0.55 * fbm(0.16 * x, 0.16 * z, 4, 1);
    let shore = smoothstep(13.0, 19.0, z + 2.2 * (0.25 * x).sin() - 0.18 * x);
    let basin = -1.6;
    let near = meadow + (basin - meadow) * shore;
    let far = smoothstep(36.0, 64.0, z + 3.0 * (0.11 * x).sin());
    let hills = 1.6 + 2.6 * fbm(0.05 * x, 0.05 * z, 4, 2) + 0.045 * (z - 45.0);
    let peaks = smoothstep(70.0, 150.0, z) * (8.0 + 34.0 * ridged(0.0145 * x + 0.35, 0.0145 * z + 0.2, 6, 3));
    near + far * (hills - basin + peaks)
}

fn land_normal(p: V3, e: f32) -> V3 {
    let slope = |dx: f32, dz: f32| land(p.x - dx, p.z - dz) - land(p.x + dx, p.z + dz);
    v3(slope(e, 0.0), 2.0 * e, slope(0.0, e)).unit()
}

/// The distance at which a ray meets the land.
fn march(from: V3, ray: V3, far: f32) -> Option<f32> {
    let (mut t, mut before) = (0.2, 0.2);
    while t < far {
        let p = from + ray * t;
        let above = p.y - land(p.x, p.z);
        if above < 0.0 {
            let (mut low, mut high) = (before, t);
            for _ in 0..8 {
                let middle = 0.5 * (low + high);
                let p = from + ray * middle;
                if p.y < land(p.x, p.z) { high = middle } else { low = middle }
            }
            return Some(high);
        }
        if p.y > 60.0 && ray.y > 0.0 {
            return None;
        }
        before = t;
        t += (0.35 * above).max(0.004 * t).max(0.01);
    }
    None
}

/// Air between the eye and a place takes light away and adds the sky's.
fn haze(colour: V3, distance: f32, ray: V3) -> V3 {
    let kept = (-0.0042 * (distance - 8.0).max(0.0)).exp();
    let towards = ray.dot(sun()).max(0.0);
    let air = mix(v3(0.50, 0.60, 0.76), v3(1.05, 0.78, 0.50), 0.55 * towards.powi(2) + 0.18);
    mix(air, colour, kept)
}

/// The sky: blue above, warm below and towards the sun, with clouds lit from the left.
fn sky(ray: V3) -> V3 {
    let up = ray.y.max(0.0);
    let towards = ray.dot(sun()).max(0.0);
    let mut colour = mix(v3(0.93, 0.74, 0.56), v3(0.16, 0.32, 0.66), smoothstep(-0.02, 0.42, up));
    colour = colour + v3(0.9, 0.5, 0.2) * (0.35 * towards.powi(4)) * (1.0 - up);
    let t = 1.0 / (up + 0.13);
    let (x, z) = (ray.x * t, ray.z * t);
    let density =
        |x: f32, z: f32| fbm(0.75 * x + 1.7, 1.25 * z + 0.4, 7, 71) + 0.35 * fbm(0.3 * x, 0.5 * z, 3, 78);
    let here = density(x, z);
    let cover = smoothstep(0.02, 0.42, here);
    let lit = ((here - density(x - 0.16, z - 0.03)) * 2.6 + 0.55).clamp(0.0, 1.0);
    let cloud = mix(v3(0.52, 0.50, 0.60), v3(1.35, 1.08, 0.86), lit);
    mix(colour, cloud, cover * smoothstep(0.01, 0.12, up) * 0.92)
}
