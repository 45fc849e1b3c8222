//! What happens to a convolution's result while it is still in registers: bias, ReLU and storing on the way
//! forward; the ReLU's gate on the way back, and, while it is in the cache, what the losses add.
#![allow(unsafe_code)]

use std::ops::Range;

use super::gram::Seeds;
use super::map::{Layout, Vector};
use super::mirror::Strips;
use crate::kernels::simd::{Isa, LANES, Simd};

/// Takes the results of a convolution, one vector of sixteen output channels at one position at a time.
pub trait Sink: Sync {
    /// Receives `value` for `block` at the map's coordinates (y, x), which lie inside the map.
    ///
    /// # Safety
    /// Only where `S` is available; no two threads may put the same element.
    unsafe fn put<S: Simd>(&self, block: usize, y: usize, x: usize, value: S::V);

    /// Receives an M×M tile whose upper left position is (y, x); `rows` and `columns` of it lie inside the map.
    ///
    /// # Safety
    /// As [`Sink::put`], for all positions inside the map.
    #[inline(always)]
    unsafe fn tile<S: Simd, const M: usize>(
        &self,
        block: usize,
        (y, x): (usize, usize),
        (rows, columns): (usize, usize),
        values: &[[S::V; M]; M],
    ) {
        for i in 0..M {
            for j in 0..M {
                if i < rows && j < columns {
                    // SAFETY: as this method's own contract says.
                    unsafe { self.put::<S>(block, y + i, x + j, values[i][j]) };
                }
            }
        }
    }

    /// Told once for every part of the map, when all its blocks have been put.
    fn complete(&self, _isa: Isa, _rows: Range<usize>, _columns: Range<usize>) {}
}

/// Gives a convolution its input, one vector of sixteen channels at one position at a time.
pub trait Source: Sync {
    /// The vector at padded coordinates: (0, 0) is the border's corner; positions that make whole tiles of the
    /// map may be asked for.
    ///
    /// # Safety
    /// Only where `S` is available.
    unsafe fn load<S: Simd>(&self, block: usize, row: usize, column: usize) -> S::V;

    /// The vector at the map's own coordinates, plainly.
    fn vector(&self, block: usize, y: usize, x: usize) -> Vector;
}

/// A map in memory, its border filled.
pub struct InMemory<'a> {
    map: &'a [Vector],
    layout: Layout,
}

impl<'a> InMemory<'a> {
    /// Reads `map`.
    ///
    /// # Panics
    /// If it is too short for `layout`.
    pub fn new(map: &'a [Vector], layout: Layout) -> Self {
        assert!(map.len() >= layout.len(), "a map of another layout");
        Self { map, layout }
    }
}

impl Source for InMemory<'_> {
    #[inline(always)]
    unsafe fn load<S: Simd>(&self, block: usize, row: usize, column: usize) -> S::V {
        // SAFETY: layouts hold whole tiles with their border, and `new` checked the map's length.
        unsafe { S::load(self.map.as_ptr().add(self.layout.at(block, row, column)).cast()) }
    }

    fn vector(&self, block: usize, y: usize, x: usize) -> Vector {
        self.map[self.layout.inside(block, y, x)]
    }
}

/// A slice that several tasks write, each at places of its own.
pub struct Shared<'a, T> {
    start: *mut T,
    length: usize,
    life: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: the slice is borrowed mutably for 'a; whoever uses the pointer promises disjoint places.
unsafe impl<T: Send> Sync for Shared<'_, T> {}
// SAFETY: likewise.
unsafe impl<T: Send> Send for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Shares a slice.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), life: std::marker::PhantomData }
    }

    /// The address of an element.
    ///
    /// # Panics
    /// In debug builds, if it lies outside.
    #[inline(always)]
    pub fn at(&self, index: usize) -> *mut T {
        debug_assert!(index < self.length, "{index} of {}", self.length);
        // `wrapping_add` keeps this safe; using the pointer is the caller's unsafe act.
        self.start.wrapping_add(index)
    }
}

/// Where the gradient passes a ReLU.
#[derive(Clone, Copy)]
pub enum Gate<'a> {
    /// Everywhere: there is no ReLU.
    Open,
    /// Where the bit of the lane is set; one word per position, `[block][y][x]`.
    Bits(&'a [u16]),
    /// Where the rectified map is positive.
    Map(&'a [Vector]),
}

impl Gate<'_> {
    /// `value` where the gate is open, 0 elsewhere.
    ///
    /// # Safety
    /// Only where `S` is available; (y, x) must lie inside the map that the gate belongs to.
    #[inline(always)]
    pub unsafe fn pass<S: Simd>(
        &self,
        layout: &Layout,
        block: usize,
        y: usize,
        x: usize,
        value: S::V,
    ) -> S::V {
        // SAFETY: the caller vouches for the instruction set; slices are indexed with checks.
        unsafe {
            match self {
                Gate::Open => value,
                Gate::Bits(bits) => {
                    let at = (block * layout.shape.height + y) * layout.shape.width + x;
                    S::keep(value, *bits.get_unchecked(at))
                }
                Gate::Map(map) => {
                    let y = S::load(map.as_ptr().add(layout.inside(block, y, x)).cast());
                    S::keep(value, S::greater(y, S::splat(0.0)))
                }
            }
        }
    }
}

/// The forward direction: adds the bias, rectifies, stores.
pub struct Rectify<'a> {
    /// The output map's layout.
    pub layout: Layout,
    /// One vector a block.
    pub bias: &'a [Vector],
    /// Receives the value before the ReLU, where a tap wants it.
    pub linear: Option<Shared<'a, Vector>>,
    /// Receives the rectified value.
    pub output: Shared<'a, Vector>,
    /// Receives one bit a lane: whether it is positive. `[block][y][x]`.
    pub gate: Option<Shared<'a, u16>>,
}

impl Sink for Rectify<'_> {
    #[inline(always)]
    unsafe fn put<S: Simd>(&self, block: usize, y: usize, x: usize, value: S::V) {
        let at = self.layout.inside(block, y, x);
        // SAFETY: (block, y, x) lies inside the map by the trait's contract, and so do all addresses.
        unsafe {
            let value = S::add(value, S::load(self.bias.get_unchecked(block).0.as_ptr()));
            if let Some(linear) = &self.linear {
                S::store(linear.at(at).cast(), value);
            }
            let value = S::relu(value);
            S::store(self.output.at(at).cast(), value);
            if let Some(gate) = &self.gate {
                let place = (block * self.layout.shape.height + y) * self.layout.shape.width + x;
                *gate.at(place) = S::greater(value, S::splat(0.0));
            }
        }
    }
}

/// The backward direction: adds what the mirrored border sends back, passes the ReLU's gate, stores.
pub struct Return<'a> {
    /// The layout of the input's gradient.
    pub layout: Layout,
    /// Receives the gradient.
    pub output: Shared<'a, Vector>,
    /// The gate of the ReLU that made the input.
    pub gate: Gate<'a>,
    /// What the border folds back, where the padding mirrors.
    pub strips: Option<&'a Strips>,
    /// What losses at this map add.
    pub seeds: &'a [Seeds<'a>],
}

impl Sink for Return<'_> {
    #[inline(always)]
    unsafe fn put<S: Simd>(&self, block: usize, y: usize, x: usize, value: S::V) {
        // SAFETY: (block, y, x) lies inside the map by the trait's contract, and so do all addresses.
        unsafe {
            let mut value = value;
            if let Some(strips) = self.strips {
                value = strips.add::<S>(block, y, x, value);
            }
            let value = self.gate.pass::<S>(&self.layout, block, y, x, value);
            S::store(self.output.at(self.layout.inside(block, y, x)).cast(), value);
        }
    }

    fn complete(&self, isa: Isa, rows: Range<usize>, columns: Range<usize>) {
        for seeds in self.seeds {
            seeds.sow_part(isa, &self.output, rows.clone(), columns.clone());
        }
    }
}

/// One vector for each block, from one value a channel; missing channels are 0.
pub fn vectors(values: &[f32]) -> Vec<Vector> {
    values
        .chunks(LANES)
        .map(|chunk| Vector(std::array::from_fn(|lane| chunk.get(lane).copied().unwrap_or(0.0))))
        .collect()
}
