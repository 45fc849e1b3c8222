//! The optimiser's own cost per iteration at 3×512×512, with a loss function that costs next to nothing.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{Criterion, criterion_group, criterion_main};
use impasto::internals::optimize::{Limits, LossFunction, Optimizer, State, Step, minimize, resume};
use rayon::prelude::*;
use std::ops::ControlFlow;

/// f(x) = ½ Σ aᵢ(xᵢ − ½)², as cheap as a gradient of this size can be; its loss is summed by chunks.
struct Bowl {
    a: Vec<f32>,
}

impl LossFunction for Bowl {
    fn length(&self) -> usize {
        self.a.len()
    }

    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> impasto::Result<f64> {
        const CHUNK: usize = 1 << 14;
        let parts: Vec<f64> = gradient
            .par_chunks_mut(CHUNK)
            .zip(x.par_chunks(CHUNK).zip(self.a.par_chunks(CHUNK)))
            .map(|(g, (x, a))| {
                let mut sum = 0.0f32;
                for j in 0..g.len() {
                    let d = x[j] - 0.5;
                    g[j] = a[j] * d;
                    sum += g[j] * d;
                }
                f64::from(0.5 * sum)
            })
            .collect();
        Ok(parts.iter().sum())
    }
}

fn optimizer(c: &mut Criterion) {
    let length = 3 * 512 * 512;
    let noise = |k: usize| (k.wrapping_mul(2_654_435_761) % 65_536) as f32 / 65_536.0;
    // A wide spread of curvatures keeps L-BFGS busy for as long as the measurement lasts.
    let mut bowl = Bowl { a: (0..length).map(|i| 10f32.powf(-8.0 * noise(i))).collect() };
    let start: Vec<f32> = (0..length).map(|i| noise(i + 7)).collect();
    let mut group = c.benchmark_group("512x512");
    let mut gradient = vec![0.0; length];
    group.bench_function("loss function alone", |b| b.iter(|| bowl.evaluate(&start, &mut gradient)));
    for (name, optimizer) in
        [("one iteration of L-BFGS", Optimizer::LBFGS), ("one iteration of Adam", Optimizer::ADAM)]
    {
        let go_on = &mut |_: &Step| ControlFlow::Continue(());
        let limits = |iterations| Limits { iterations, tolerance: None };
        let mut state: Option<State> =
            Some(minimize(optimizer, &mut bowl, start.clone(), &limits(12), go_on).expect("runs").state);
        let mut done = 12;
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let from = std::time::Instant::now();
                let outcome = resume(
                    state.take().expect("kept"),
                    &mut bowl,
                    &limits(done + iterations as usize),
                    go_on,
                )
                .expect("runs");
                let elapsed = from.elapsed();
                assert_eq!(outcome.iterations, done + iterations as usize, "{:?}", outcome.stop);
                done = outcome.iterations;
                state = Some(outcome.state);
                elapsed
            })
        });
    }
    group.finish();
}

criterion_group!(benches, optimizer);
criterion_main!(benches);
