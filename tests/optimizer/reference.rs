//! Every step against the textbook, in f64 on plain vectors.

use crate::functions::*;
use impasto::internals::optimize::{LossFunction, Optimizer, minimize};
use std::collections::VecDeque;
use std::ops::ControlFlow;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The two-loop recursion (Nocedal & Wright 2006, algorithm 7.4): −H·g from pairs (s, y), the oldest first.
fn direction(pairs: &VecDeque<(Vec<f64>, Vec<f64>)>, gradient: &[f64]) -> Vec<f64> {
    let mut q = gradient.to_vec();
    let mut alphas = Vec::new();
    for (s, y) in pairs.iter().rev() {
        let alpha = dot(s, &q) / dot(y, s);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let Some((s, y)) = pairs.back() {
        let gamma = dot(s, y) / dot(y, y);
        q.iter_mut().for_each(|q| *q *= gamma);
    }
    for ((s, y), alpha) in pairs.iter().zip(alphas.iter().rev()) {
        let beta = dot(y, &q) / dot(y, s);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q.iter().map(|q| -q).collect()
}

/// Along the pictures of a run every step has the direction of the textbook, and as a rule its length.
#[test]
fn lbfgs_takes_the_textbook_steps() {
    for history in [1, 3, 10] {
        let gram = Gram::new(11);
        let mut pictures = vec![picture(13)];
        let optimizer = Optimizer::Lbfgs { history };
        minimize(optimizer, &mut Gram::new(11), picture(13), &limits(40), &mut |step| {
            pictures.push(step.pixels.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(pictures.len(), 41);
        let pictures: Vec<Vec<f64>> =
            pictures.iter().map(|x| x.iter().map(|&x| f64::from(x)).collect()).collect();
        let gradient = |x: &[f64]| gram.at(&x.iter().map(|&x| x as f32).collect::<Vec<_>>()).1;
        let mut pairs = VecDeque::new();
        let mut full_steps = 0;
        for (k, x) in pictures.windows(2).enumerate() {
            let (before, after) = (gradient(&x[0]), gradient(&x[1]));
            let (step, expected) = (minus(&x[1], &x[0]), direction(&pairs, &before));
            let lengths = (dot(&step, &step).sqrt(), dot(&expected, &expected).sqrt());
            let cosine = dot(&step, &expected) / lengths.0 / lengths.1;
            assert!(cosine > 1.0 - 1e-6, "history {history}, step {k}: {cosine}");
            full_steps += usize::from((lengths.0 / lengths.1 - 1.0).abs() < 1e-3);
            pairs.push_back((step, minus(&after, &before)));
            if pairs.len() > history {
                pairs.pop_front();
            }
        }
        println!("history {history}: {full_steps} of 40 steps have the textbook's length");
        assert!(full_steps >= 28, "history {history}: {full_steps}");
    }
}

/// Adam as the paper has it, but for the gradient's scale.
#[test]
fn adam_takes_the_papers_steps() {
    let (beta1, beta2, epsilon, rate) = (0.9f64, 0.99f64, 1e-8, 0.02);
    let start = picture(13);
    let mut gram = Gram::new(11);
    let mut x: Vec<f64> = start.iter().map(|&x| f64::from(x)).collect();
    let (mut m, mut v) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let mut scale = 0.0;
    let mut check = |step: &impasto::internals::optimize::Step| {
        let mut gradient = vec![0.0; x.len()];
        gram.evaluate(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), &mut gradient).unwrap();
        let g: Vec<f64> = gradient.iter().map(|&g| f64::from(g)).collect();
        if step.iteration == 1 {
            scale = (g.len() as f64 / dot(&g, &g)).sqrt();
        }
        let t = step.iteration as i32;
        for i in 0..x.len() {
            let g = scale * g[i];
            m[i] = beta1 * m[i] + (1.0 - beta1) * g;
            v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
            let (m, v) = (m[i] / (1.0 - beta1.powi(t)), v[i] / (1.0 - beta2.powi(t)));
            x[i] -= rate * m / (v.sqrt() + epsilon);
        }
        for (i, (a, b)) in step.pixels.iter().zip(&x).enumerate() {
            assert!((f64::from(*a) - b).abs() < 2e-5, "step {t}, pixel {i}: {a} and {b}");
        }
        ControlFlow::Continue(())
    };
    minimize(Optimizer::Adam { learning_rate: rate }, &mut Gram::new(11), start, &limits(60), &mut check)
        .unwrap();
}
