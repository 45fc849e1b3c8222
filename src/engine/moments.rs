//! The statistics of a tap that add up over windows: `ΣwFFᵀ`, `ΣwF` and `Σw`, summed in f64.

use std::ops::AddAssign;

use crate::tensor::{PositionWeights, Shape, Window};

/// Which positions of a tap are summed, and how much each counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Region<'a> {
    /// In the rows and columns of the tap's map; all of it if it is left out.
    pub window: Option<&'a Window>,
    /// Of the tap's height and width, whatever the window; 1 everywhere if they are left out.
    pub weights: Option<&'a PositionWeights>,
}

impl Region<'_> {
    /// Every position, each once.
    pub const WHOLE: Self = Self { window: None, weights: None };

    /// The window, checked.
    ///
    /// # Panics
    /// If it or the weights do not belong to a map of `shape`.
    pub(crate) fn window_of(&self, shape: Shape) -> Window {
        let window = self.window.cloned().unwrap_or(Window::whole(shape));
        assert!(window.is_inside(shape), "a window that leaves the map");
        assert!(self.weights.is_none_or(|w| w.map().fits(shape)), "weights of another map");
        window
    }

    /// `Σw`.
    ///
    /// # Panics
    /// As [`Region::window_of`].
    pub(crate) fn mass(&self, shape: Shape) -> f64 {
        let window = self.window_of(shape);
        let Some(weights) = self.weights else { return window.positions() as f64 };
        let row = |y| weights.map().row(y)[window.columns.clone()].iter().map(|&w| f64::from(w)).sum::<f64>();
        window.rows.clone().map(row).sum()
    }
}

/// Which moments are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `ΣwFFᵀ` and `Σw`.
    Second,
    /// These and `ΣwF`.
    FirstAndSecond,
}

/// Moments of a tap of N channels; those of windows that share no position add up to those of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `ΣwFFᵀ`, symmetric N×N, row-major: without weights the Gram matrix.
    pub second: Vec<f64>,
    /// `ΣwF`, N; 0 where it was not asked for.
    pub first: Vec<f64>,
    /// `Σw`: without weights the number of positions.
    pub mass: f64,
}

impl Moments {
    /// Of no position.
    pub fn new(channels: usize) -> Self {
        Self { second: vec![0.0; channels * channels], first: vec![0.0; channels], mass: 0.0 }
    }

    /// Of no position again.
    pub fn clear(&mut self) {
        self.second.iter_mut().chain(&mut self.first).for_each(|value| *value = 0.0);
        self.mass = 0.0;
    }

    /// N.
    pub fn channels(&self) -> usize {
        self.first.len()
    }
}

impl AddAssign<&Self> for Moments {
    /// # Panics
    /// If the other has another number of channels.
    fn add_assign(&mut self, other: &Self) {
        assert_eq!(self.channels(), other.channels(), "moments of another tap");
        self.second.iter_mut().zip(&other.second).for_each(|(sum, value)| *sum += value);
        self.first.iter_mut().zip(&other.first).for_each(|(sum, value)| *sum += value);
        self.mass += other.mass;
    }
}

/// Inner products of features with a fixed map, at each position of a tap (H·W values each), summed in f64.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Products {
    /// `⟨F(p), F₀(p)⟩`.
    pub cross: Vec<f64>,
    /// `⟨F(p), F(p)⟩`.
    pub own: Vec<f64>,
    /// `⟨F₀(p), F₀(p)⟩`.
    pub target: Vec<f64>,
}

impl Products {
    /// Makes room for the positions of a map; what it holds is arbitrary.
    pub(crate) fn resize(&mut self, positions: usize) {
        for list in [&mut self.cross, &mut self.own, &mut self.target] {
            list.resize(positions, 0.0);
        }
    }
}
