//! The minimisers on functions whose shape is known: what they reach, what they cost, how they stop and go on.

mod functions;
mod reach;
mod reference;
mod restart;
mod saved;
mod stopping;
