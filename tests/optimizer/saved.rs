//! Runs that are stopped and go on: from the state at hand, from its bytes, in another process; and states that lie.

use crate::functions::*;
use impasto::internals::optimize::{
    InvalidState, LossFunction, Optimizer, Outcome, State, Stop, StopReason, Values, minimize, resume,
};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Long enough for the oldest pairs to go.
const STEPS: usize = 40;

/// Long enough for failed line searches and retreats.
const FEW: usize = 16;

fn until(optimizer: Optimizer, iterations: usize) -> Outcome {
    minimize(optimizer, &mut walled(), picture(4), &limits(iterations), &mut go_on).unwrap()
}

fn whole(optimizer: Optimizer) -> Outcome {
    until(optimizer, STEPS)
}

/// A state as bytes and back.
fn reread(state: &State) -> Result<State, InvalidState> {
    State::restore(decode(&encode(&state.save())))
}

type Entries = Vec<(String, Values<'static>)>;

fn encode(entries: &[(String, Values<'_>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, values) in entries {
        let (kind, bytes): (u8, Vec<u8>) = match values {
            Values::F32(v) => (0, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::F64(v) => (1, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::I16(v) => (2, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::I64(v) => (3, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
        };
        out.extend((name.len() as u64).to_le_bytes());
        out.extend(name.as_bytes());
        out.push(kind);
        out.extend((bytes.len() as u64).to_le_bytes());
        out.extend(bytes);
    }
    out
}

fn decode(mut bytes: &[u8]) -> Entries {
    let mut out = Vec::new();
    let take = |bytes: &mut &[u8], count: usize| bytes.split_off(..count).unwrap().to_vec();
    let length = |bytes: &mut &[u8]| u64::from_le_bytes(take(bytes, 8).try_into().unwrap()) as usize;
    while !bytes.is_empty() {
        let count = length(&mut bytes);
        let name = String::from_utf8(take(&mut bytes, count)).unwrap();
        let kind = take(&mut bytes, 1)[0];
        let count = length(&mut bytes);
        let data = take(&mut bytes, count);
        let values = match kind {
            0 => Values::F32(data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            1 => Values::F64(data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
            2 => Values::I16(data.as_chunks().0.iter().map(|b| i16::from_le_bytes(*b)).collect()),
            _ => Values::I64(data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
        };
        out.push((name, values));
    }
    out
}

/// All that must not depend on whether a run was stopped; evaluations may be made again inside a line search.
fn ends(outcome: &Outcome) -> (u64, usize, StopReason, Vec<u32>, Vec<u32>) {
    let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect();
    let current = bits(outcome.state.pixels());
    (outcome.loss.to_bits(), outcome.iterations, outcome.stop, bits(&outcome.pixels), current)
}

#[test]
fn a_state_that_was_saved_at_any_step_goes_on_with_the_same_bits() {
    for optimizer in [Optimizer::LBFGS, Optimizer::Lbfgs { history: 3 }, Optimizer::ADAM] {
        let whole = whole(optimizer);
        println!("{optimizer:?}: {} iterations, {} evaluations", whole.iterations, whole.evaluations);
        for steps in 0..=whole.iterations {
            let state = reread(&until(optimizer, steps).state).unwrap();
            assert_eq!(state.iterations(), steps);
            let done = resume(state, &mut walled(), &limits(STEPS), &mut go_on).unwrap();
            assert_eq!(ends(&done), ends(&whole), "{optimizer:?}, stopped after {steps}");
            assert_eq!(done.evaluations, whole.evaluations);
            assert_eq!(encode(&done.state.save()), encode(&whole.state.save()));
        }
    }
}

#[test]
fn a_run_cancelled_at_any_evaluation_keeps_the_best_and_goes_on_with_the_same_bits() {
    for optimizer in OPTIMIZERS {
        let whole = until(optimizer, FEW);
        println!("{optimizer:?}: {} iterations, {} evaluations", whole.iterations, whole.evaluations);
        let first = walled().evaluate(&picture(4), &mut vec![0.0; 3 * POSITIONS]).unwrap();
        for at in 0..whole.evaluations {
            let mut function = walled();
            let mut cancelling = CancelAt { inner: &mut function, at, seen: 0 };
            let half = minimize(optimizer, &mut cancelling, picture(4), &limits(FEW), &mut go_on).unwrap();
            assert_eq!((half.stop, half.evaluations), (StopReason::Cancelled, at));
            assert!(half.pixels.iter().all(|v| v.is_finite()));
            match at {
                0 => assert!(half.loss == f64::INFINITY && half.pixels == picture(4)),
                _ => assert!(half.loss <= first && half.loss == Gram::new(2).at(&half.pixels).0),
            }
            let state = reread(&half.state).unwrap();
            for state in [half.state, state] {
                let done = resume(state, &mut function, &limits(FEW), &mut go_on).unwrap();
                assert_eq!(ends(&done), ends(&whole), "{optimizer:?}, evaluation {at}");
                let once = done.evaluations - done.state.repeated();
                assert_eq!(once, whole.evaluations, "{optimizer:?}, evaluation {at}");
            }
        }
    }
}

#[test]
fn an_observer_that_stops_a_run_changes_no_bit() {
    for optimizer in OPTIMIZERS {
        let whole = whole(optimizer);
        for stop in 1..whole.iterations {
            let half = minimize(optimizer, &mut walled(), picture(4), &limits(STEPS), &mut |step| {
                if step.iteration == stop {
                    ControlFlow::Break(Stop::Cancel)
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap();
            assert_eq!((half.stop, half.iterations), (StopReason::Cancelled, stop));
            let done = resume(half.state, &mut walled(), &limits(STEPS), &mut go_on).unwrap();
            assert_eq!(ends(&done), ends(&whole), "{optimizer:?}, iteration {stop}");
        }
    }
}

/// Where the window of losses decides, it must be that of the whole run.
#[test]
fn a_saved_state_ends_at_the_same_limit() {
    let limits = |iterations, tolerance| impasto::internals::optimize::Limits { iterations, tolerance };
    let wild = Optimizer::Adam { learning_rate: 1e3 };
    for (optimizer, reason) in [
        (Optimizer::LBFGS, StopReason::Converged),
        (Optimizer::ADAM, StopReason::Converged),
        (wild, StopReason::Diverged),
    ] {
        let end = limits(3000, Some(0.01));
        let whole = minimize(optimizer, &mut Gram::new(4), picture(6), &end, &mut go_on).unwrap();
        assert_eq!(whole.stop, reason);
        for steps in whole.iterations.saturating_sub(12)..whole.iterations {
            let half = minimize(optimizer, &mut Gram::new(4), picture(6), &limits(steps, None), &mut go_on);
            let state = reread(&half.unwrap().state).unwrap();
            let done = resume(state, &mut Gram::new(4), &end, &mut go_on).unwrap();
            assert_eq!(ends(&done), ends(&whole), "{optimizer:?}, stopped after {steps}");
        }
    }
}

const STATE_FILE: &str = "IMPASTO_TEST_STATE";

#[test]
fn a_saved_state_goes_on_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    for (k, optimizer) in OPTIMIZERS.into_iter().enumerate() {
        let file = folder.path().join(format!("{k}.state"));
        std::fs::write(&file, encode(&until(optimizer, 17).state.save())).unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "saved::the_other_process"])
            .env(STATE_FILE, &file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let done = std::fs::read(file.with_extension("done")).unwrap();
        assert!(done == encode(&whole(optimizer).state.save()), "{optimizer:?}");
    }
}

#[test]
#[ignore = "the other half of a_saved_state_goes_on_in_another_process, which starts it"]
fn the_other_process() {
    let file = std::path::PathBuf::from(std::env::var_os(STATE_FILE).expect("a file with a state"));
    let state = State::restore(decode(&std::fs::read(&file).unwrap())).unwrap();
    let done = resume(state, &mut walled(), &limits(STEPS), &mut go_on).unwrap();
    std::fs::write(file.with_extension("done"), encode(&done.state.save())).unwrap();
}

/// States of every kind: before the start was evaluated, between steps, inside a step of Adam.
fn states() -> Vec<(&'static str, Entries)> {
    let cancelled = |optimizer, at| {
        let mut function = walled();
        let mut cancelling = CancelAt { inner: &mut function, at, seen: 0 };
        minimize(optimizer, &mut cancelling, picture(4), &limits(STEPS), &mut go_on).unwrap().state
    };
    let states = [
        ("L-BFGS, not begun", cancelled(Optimizer::LBFGS, 0)),
        ("L-BFGS at its start", until(Optimizer::LBFGS, 0).state),
        ("L-BFGS with three pairs", until(Optimizer::Lbfgs { history: 3 }, 9).state),
        ("Adam, not begun", cancelled(Optimizer::ADAM, 0)),
        ("Adam inside a step", cancelled(Optimizer::ADAM, 5)),
        ("Adam between steps", until(Optimizer::ADAM, 12).state),
    ];
    states.into_iter().map(|(name, state)| (name, decode(&encode(&state.save())))).collect()
}

fn refused(what: &str, entries: Entries, name: &str) {
    let Err(error) = State::restore(entries) else { panic!("{what}: `{name}` was accepted") };
    let message = error.to_string();
    assert!(
        message.starts_with("the saved state's `") && message.ends_with("begin anew"),
        "{what}: {message}"
    );
    assert!(message.contains(&format!("`{name}")), "{what}: {message} does not name `{name}`");
}

#[test]
fn damaged_states_are_refused_by_name() {
    for (what, entries) in states() {
        assert!(State::restore(entries.clone()).is_ok(), "{what}");
        let shuffled: Entries = entries.iter().rev().cloned().collect();
        assert!(State::restore(shuffled).is_ok(), "{what}: the order is of no account");
        let mut unknown = entries.clone();
        unknown.push(("pair.99.step.values".to_owned(), Values::I16(Cow::Owned(vec![]))));
        refused(what, unknown, "pair.99.step.values");
        for (at, (name, values)) in entries.iter().enumerate() {
            let with = |changed: Values<'static>| {
                let mut entries = entries.clone();
                entries[at].1 = changed;
                entries
            };
            let mut missing = entries.clone();
            missing.remove(at);
            refused(what, missing, if name == "learning_rate" { "history" } else { name });
            let mut twice = entries.clone();
            twice.push(entries[at].clone());
            refused(what, twice, name);
            let other = match values {
                Values::F64(_) => Values::F32(Cow::Owned(vec![1.0])),
                _ => Values::F64(Cow::Owned(vec![1.0])),
            };
            refused(what, with(other), name);
            match values {
                // The length of the picture is what the others are measured by.
                Values::F32(_) if name == "pixels" => {}
                Values::F64(_) if name == "losses.lowest" => {}
                Values::F32(v) => {
                    refused(what, with(Values::F32(v[1..].to_vec().into())), name);
                    refused(what, with(Values::F32([&v[..], &[0.0]].concat().into())), name);
                    refused(what, with(Values::F32(Cow::Owned(vec![]))), name);
                }
                Values::F64(_) => refused(what, with(Values::F64(Cow::Owned(vec![1.0, 1.0]))), name),
                Values::I16(v) => refused(what, with(Values::I16(v[1..].to_vec().into())), name),
                Values::I64(_) => refused(what, with(Values::I64(Cow::Owned(vec![]))), name),
            }
            match values {
                Values::F32(v) => {
                    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                        let mut v = v.to_vec();
                        *v.last_mut().unwrap() = bad;
                        refused(what, with(Values::F32(v.into())), name);
                    }
                }
                Values::F64(v) if !v.is_empty() => {
                    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                        let mut v = v.to_vec();
                        v[0] = bad;
                        refused(what, with(Values::F64(v.into())), name);
                    }
                }
                Values::I64(_) => {
                    for bad in [-1, i64::MIN, i64::MAX] {
                        refused(what, with(Values::I64(Cow::Owned(vec![bad]))), name);
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn numbers_that_no_run_has_are_refused() {
    let f64s = |v: &[f64]| Values::F64(Cow::Owned(v.to_vec()));
    let count = |v: i64| Values::I64(Cow::Owned(vec![v]));
    let zeros = |n: usize| Values::F32(Cow::Owned(vec![0.0; n]));
    let length = 3 * POSITIONS;
    let cases: Vec<(&str, &str, Values<'static>, &str)> = vec![
        ("L-BFGS with three pairs", "history", count(0), "history"),
        ("L-BFGS with three pairs", "history", count(101), "history"),
        ("L-BFGS with three pairs", "history", count(2), "pairs"),
        ("L-BFGS with three pairs", "pairs", count(2), "pair.2.change.scales"),
        ("L-BFGS with three pairs", "pair.1.change.scales", zeros(1), "pair.1"),
        (
            "L-BFGS with three pairs",
            "pair.1.step.scales",
            Values::F32(Cow::Owned(vec![-1.0])),
            "pair.1.step.scales",
        ),
        ("L-BFGS with three pairs", "last_length", f64s(&[-1.0]), "last_length"),
        ("L-BFGS with three pairs", "first_length", f64s(&[-1.0]), "first_length"),
        ("L-BFGS with three pairs", "evaluation", count(0), ""),
        ("L-BFGS with three pairs", "evaluation", count(1000), "evaluation"),
        ("L-BFGS with three pairs", "best.evaluation", count(1000), "best.evaluation"),
        ("L-BFGS with three pairs", "best.loss", f64s(&[1e-9]), "loss"),
        ("L-BFGS with three pairs", "losses.lowest", f64s(&[1.0; 12]), "losses.lowest"),
        ("L-BFGS with three pairs", "losses.lowest", f64s(&[1.0, 2.0]), "losses.lowest"),
        ("L-BFGS with three pairs", "losses.lowest", f64s(&[1e-9]), "losses.lowest"),
        ("L-BFGS with three pairs", "losses.lowest", f64s(&[]), "losses"),
        ("Adam between steps", "learning_rate", f64s(&[0.0]), "learning_rate"),
        ("Adam between steps", "learning_rate", f64s(&[-0.02]), "learning_rate"),
        ("Adam between steps", "learning_rate", f64s(&[1e7]), "learning_rate"),
        ("Adam between steps", "age", count(1 << 31), "age"),
        ("Adam between steps", "halvings", count(22), "halvings"),
        ("Adam between steps", "retreating", count(2), "retreating"),
        ("Adam between steps", "scale", f64s(&[-1.0]), "scale"),
        ("Adam between steps", "variance", Values::F32(Cow::Owned(vec![-1.0; length])), "variance"),
        ("Adam between steps", "iterations", count((1 << 48) + 1), "iterations"),
        ("Adam between steps", "evaluations", count((1 << 48) + 1), "evaluations"),
        ("Adam between steps", "evaluations", count(1), "evaluation"),
        ("Adam between steps", "best.evaluation", count(0), "best."),
        ("L-BFGS at its start", "losses.lowest", f64s(&[]), "losses"),
        ("L-BFGS, not begun", "evaluations", count(-5), "evaluations"),
    ];
    let states = states();
    for (what, name, value, named) in cases {
        let (_, entries) = states.iter().find(|(known, _)| *known == what).unwrap();
        let mut entries = entries.clone();
        let at = entries.iter().position(|(known, _)| known == name).expect(name);
        entries[at].1 = value;
        refused(&format!("{what}, {name}"), entries, named);
    }
    let (_, mut both) = states.into_iter().find(|(what, _)| *what == "Adam between steps").unwrap();
    both.push(("history".to_owned(), count(10)));
    refused("both optimisers", both, "history");
}

/// Numbers may be wrong without being impossible; a run from them is of no use, but does no harm.
#[test]
fn plausible_damage_never_panics() {
    let mut next = noise(77);
    let mut went_on = 0;
    for (_, entries) in states() {
        for _ in 0..60 {
            let mut entries = entries.clone();
            for _ in 0..1 + (3.0 * next()) as usize {
                let at = (entries.len() as f64 * next()) as usize;
                let size = 10f64.powf(80.0 * next() - 40.0);
                match &mut entries[at].1 {
                    Values::F32(v) => {
                        let k = (v.len() as f64 * next()) as usize;
                        v.to_mut()[k] = (size * (next() - 0.3)) as f32;
                    }
                    Values::F64(v) if !v.is_empty() => {
                        let k = (v.len() as f64 * next()) as usize;
                        v.to_mut()[k] = size * (next() - 0.3);
                    }
                    Values::F64(_) => {}
                    Values::I16(v) => {
                        let k = (v.len() as f64 * next()) as usize;
                        v.to_mut()[k] = (65_536.0 * next()) as u16 as i16;
                    }
                    Values::I64(v) => v.to_mut()[0] += (10.0 * next() - 5.0) as i64,
                }
            }
            if let Ok(state) = State::restore(entries) {
                let more = limits(state.iterations() + 4);
                if let Ok(outcome) = resume(state, &mut walled(), &more, &mut go_on) {
                    assert!(outcome.pixels.len() == 3 * POSITIONS);
                    went_on += 1;
                }
            }
        }
    }
    println!("{went_on} of 360 went on");
    assert!(went_on > 30, "{went_on}");
}

#[test]
fn a_state_for_pictures_of_another_size_is_refused() {
    for optimizer in OPTIMIZERS {
        let state = until(optimizer, 5).state;
        let error = resume(state, &mut Of(12, bowl(1.0)), &limits(9), &mut go_on).unwrap_err();
        assert!(error.to_string().contains("has 192 values, but the loss is for pictures of 12"), "{error}");
    }
}
