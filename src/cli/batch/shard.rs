//! `--shard`: which part of the pictures this process paints.

use std::str::FromStr;

/// `I/N`, from 1, or `auto` for what a Slurm array job says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum ShardValue {
    /// Part `index` (from 0) of `count`.
    Part { index: usize, count: usize },
    /// By `SLURM_ARRAY_TASK_ID`, `SLURM_ARRAY_TASK_MIN` and `SLURM_ARRAY_TASK_COUNT`.
    Auto,
}

impl FromStr for ShardValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index @ 1.., count)) if index <= count => Ok(Self::Part { index: index - 1, count }),
            _ => Err("give I/N with I from 1 to N, like 2/8, or auto in a Slurm array job".to_owned()),
        }
    }
}

impl ShardValue {
    /// Index (from 0) and count, with `variable` for the environment.
    ///
    /// # Errors
    /// A sentence about a variable that is missing or no number.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<(usize, usize), String> {
        let Self::Part { index, count } = self else {
            let number = |name: &str| {
                let text = variable(name).ok_or_else(|| {
                    format!("auto reads {name}, which a Slurm array job sets and is not set here; give I/N")
                })?;
                text.parse::<usize>().map_err(|_| format!("{name} is `{text}`, which is no number; give I/N"))
            };
            let (id, count) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?);
            let index = id.checked_sub(number("SLURM_ARRAY_TASK_MIN")?).filter(|index| *index < count);
            let why = "the array's tasks are not numbered without gaps; use an --array like 0-7, or give I/N";
            return index.map(|index| (index, count)).ok_or_else(|| why.to_owned());
        };
        Ok((index, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_read_and_refused() {
        assert_eq!("2/8".parse(), Ok(ShardValue::Part { index: 1, count: 8 }));
        for bad in ["", "0/8", "9/8", "1", "a/b", "1/0", "-1/2"] {
            assert!(bad.parse::<ShardValue>().is_err(), "{bad}");
        }
        let slurm = |id: &str| {
            let id = id.to_owned();
            ShardValue::Auto.resolve(move |name| match name {
                "SLURM_ARRAY_TASK_ID" => Some(id.clone()),
                "SLURM_ARRAY_TASK_COUNT" => Some("4".to_owned()),
                _ => Some("10".to_owned()),
            })
        };
        assert_eq!(slurm("12"), Ok((2, 4)));
        assert!(slurm("14").is_err() && slurm("x").is_err() && slurm("9").is_err());
        assert!(ShardValue::Auto.resolve(|_| None).unwrap_err().contains("SLURM_ARRAY_TASK_ID"));
    }
}
