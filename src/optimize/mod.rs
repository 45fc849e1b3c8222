//! Minimisers over pixels: argmin's L-BFGS, driven step by step, and Adam.
