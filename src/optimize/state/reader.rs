//! One idea: named arrays, taken one by one with their type, length and range checked.

pub use crate::files::sealed::Values;
use crate::optimize::compact::Compact;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Why a saved state cannot be continued: one sentence that names the entry, what it holds and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidState(pub(super) String);

pub(super) type Result<T> = std::result::Result<T, InvalidState>;

/// The list as it is taken apart.
pub(super) struct Reader(BTreeMap<String, Values<'static>>);

impl Reader {
    pub(super) fn new(entries: impl IntoIterator<Item = (String, Values<'static>)>) -> Result<Self> {
        let mut map = BTreeMap::new();
        for (name, values) in entries {
            if map.contains_key(&name) {
                return Err(wrong(&name, "is there twice", "once"));
            }
            map.insert(name, values);
        }
        Ok(Self(map))
    }

    /// Whether there is an entry of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes the entry of this name.
    fn take(&mut self, name: &str) -> Result<Values<'static>> {
        self.0.remove(name).ok_or_else(|| wrong(name, "is missing", "every entry of a state"))
    }

    /// Nothing may be left.
    pub(super) fn end(mut self) -> Result<()> {
        match self.0.pop_first() {
            Some((name, _)) => Err(wrong(&name, "is unknown", "no entry of this name")),
            None => Ok(()),
        }
    }

    /// Numbers that are finite, `length` of them.
    pub(super) fn f32(&mut self, name: &str, length: Option<usize>) -> Result<Vec<f32>> {
        let Values::F32(values) = self.take(name)? else {
            return Err(wrong(name, "has another type", "f32"));
        };
        let values = of_length(name, values, length)?;
        match values.iter().find(|v| !v.is_finite()) {
            Some(v) => Err(wrong(name, &format!("holds {v}"), "finite numbers")),
            None => Ok(values),
        }
    }

    /// One number that is finite.
    pub(super) fn number(&mut self, name: &str) -> Result<f64> {
        let values = self.numbers(name)?;
        Ok(of_length(name, Cow::Owned(values), Some(1))?[0])
    }

    pub(super) fn numbers(&mut self, name: &str) -> Result<Vec<f64>> {
        let Values::F64(values) = self.take(name)? else {
            return Err(wrong(name, "has another type", "f64"));
        };
        match values.iter().find(|v| !v.is_finite()) {
            Some(v) => Err(wrong(name, &format!("holds {v}"), "finite numbers")),
            None => Ok(values.into_owned()),
        }
    }

    /// One number that is finite and not below 0.
    pub(super) fn magnitude(&mut self, name: &str) -> Result<f64> {
        let value = self.number(name)?;
        if value < 0.0 {
            return Err(wrong(name, &format!("is {value}"), "a number that is not below 0"));
        }
        Ok(value)
    }

    /// One integer of a range, which begins at 0 or above.
    pub(super) fn count(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<usize> {
        let Values::I64(values) = self.take(name)? else {
            return Err(wrong(name, "has another type", "i64"));
        };
        let value = of_length(name, values, Some(1))?[0];
        let expected = || format!("an integer from {} to {}", range.start(), range.end());
        match usize::try_from(value) {
            Ok(count) if range.contains(&value) => Ok(count),
            _ => Err(wrong(name, &format!("is {value}"), &expected())),
        }
    }

    pub(super) fn compact(&mut self, name: &str, length: usize) -> Result<Compact> {
        let room = Compact::zeros(length);
        let values_name = format!("{name}.values");
        let Values::I16(values) = self.take(&values_name)? else {
            return Err(wrong(&values_name, "has another type", "i16"));
        };
        let values = of_length(&values_name, values, Some(length))?;
        let scales_name = format!("{name}.scales");
        let scales = self.f32(&scales_name, Some(room.scales.len()))?;
        match scales.iter().find(|scale| **scale < 0.0) {
            Some(scale) => {
                Err(wrong(&scales_name, &format!("holds {scale}"), "numbers that are not below 0"))
            }
            None => Ok(Compact { values, scales }),
        }
    }
}

fn of_length<T: Clone>(name: &str, values: Cow<'static, [T]>, length: Option<usize>) -> Result<Vec<T>> {
    match length {
        Some(length) if values.len() != length => {
            Err(wrong(name, &format!("has {} values", values.len()), &length.to_string()))
        }
        _ => Ok(values.into_owned()),
    }
}

/// The sentence: what the entry is or has, and what was expected of it.
pub(super) fn wrong(name: &str, got: &str, expected: &str) -> InvalidState {
    InvalidState(format!(
        "the saved state's `{name}` {got}, expected {expected}: it is damaged or of another version, so begin anew"
    ))
}
