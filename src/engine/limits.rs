//! How much memory this process may still take: what the system has free, what its control groups leave, and what its
//! own limits leave. Linux tells each in files; [`available`] reads them below a root, so that tests can lay them out.

use std::path::{Path, PathBuf};

/// Bytes that this process may still take, the least of what is told below `root` (`/`); `None` where nothing is told.
///
/// Files that the kernel holds in memory and has not used lately are free: it drops them first.
pub fn available(root: &Path) -> Option<usize> {
    let system = value(&text(root, "proc/meminfo")?, "MemAvailable:")?;
    let least = groups(root).into_iter().chain(own_limits(root)).min();
    Some(least.map_or(system, |least| least.min(system)))
}

fn text(folder: &Path, name: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(folder.join(name)).ok()
}

fn number(folder: &Path, name: &str) -> Option<usize> {
    text(folder, name)?.trim().parse().ok()
}

/// The number behind `key` on its line, in bytes: `kB` are 1024.
fn value(text: &str, key: &str) -> Option<usize> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?.trim();
    match rest.strip_suffix("kB") {
        Some(kilobytes) => kilobytes.trim().parse::<usize>().ok()?.checked_mul(1024),
        None => rest.parse().ok(),
    }
}

/// What each control group that this process is in leaves, its own and every one around it.
fn groups(root: &Path) -> Vec<usize> {
    let Some(own) = text(root, "proc/self/cgroup") else { return Vec::new() };
    // Lines are like `4:memory:/path` (version 1) and `0::/path` (version 2).
    let lines = own.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        match controllers {
            "" => Some((Version::Two, path)),
            list => list.split(',').any(|name| name == "memory").then_some((Version::One, path)),
        }
    });
    let mounts = text(root, "proc/self/mountinfo").unwrap_or_default();
    lines
        .flat_map(|(version, path)| {
            let folder = |(inner, mounted): (&str, &str)| {
                // In a container the path may be told as it is outside, where the mount shows a part of it.
                let path = path.strip_prefix(inner.trim_end_matches('/')).unwrap_or("");
                let top = root.join(mounted.trim_start_matches('/'));
                (top.join(path.trim_start_matches('/')), top)
            };
            let folders = mounts.lines().filter_map(|line| version.mount(line)).map(folder);
            folders.flat_map(|(folder, top)| upwards(folder, &top, version)).collect::<Vec<_>>()
        })
        .collect()
}

/// What is left by the group at `folder` and those around it, up to `top`.
fn upwards(mut folder: PathBuf, top: &Path, version: Version) -> Vec<usize> {
    let mut left = Vec::new();
    while folder.starts_with(top) {
        left.extend(version.left(&folder));
        if !folder.pop() {
            break;
        }
    }
    left
}

/// The two interfaces of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    /// Which group is mounted where, if a line of `mountinfo` mounts the memory controller of this version.
    fn mount(self, line: &str) -> Option<(&str, &str)> {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let right = match (self, kind.next()?) {
            (Self::Two, "cgroup2") => true,
            (Self::One, "cgroup") => kind.next_back()?.split(',').any(|option| option == "memory"),
            _ => false,
        };
        let mut fields = mount.split(' ').skip(3);
        right.then_some((fields.next()?, fields.next()?))
    }

    /// Bytes that the group at `folder` leaves, if it has a limit.
    fn left(self, folder: &Path) -> Option<usize> {
        let (limit, used, inactive) = match self {
            Self::Two => ("memory.max", "memory.current", "inactive_file "),
            Self::One => ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
        };
        let statistics = text(folder, "memory.stat").unwrap_or_default();
        // Version 1 tells the limits of groups that cannot be seen from here, too.
        let around = value(&statistics, "hierarchical_memory_limit ");
        let limit = number(folder, limit).into_iter().chain(around).min()?;
        let inactive = value(&statistics, inactive).unwrap_or(0);
        Some(limit.saturating_sub(number(folder, used).unwrap_or(0).saturating_sub(inactive)))
    }
}

/// What the limits of the process itself leave (`RLIMIT_AS`, `RLIMIT_DATA`).
fn own_limits(root: &Path) -> Vec<usize> {
    let (limits, status) = (text(root, "proc/self/limits"), text(root, "proc/self/status"));
    let (limits, status) = (limits.unwrap_or_default(), status.unwrap_or_default());
    let left = |(name, used): (&str, &str)| {
        // The first column is the soft limit, which holds; `unlimited` is no number.
        let rest = limits.lines().find_map(|line| line.strip_prefix(name))?;
        let limit: usize = rest.split_whitespace().next()?.parse().ok()?;
        Some(limit.saturating_sub(value(&status, used).unwrap_or(0)))
    };
    [("Max address space", "VmSize:"), ("Max data size", "VmData:")].into_iter().filter_map(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: usize = 1 << 30;

    /// A root with these files; 16 GB are free.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let meminfo = ("proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable:   16777216 kB\n");
        for (name, text) in files.iter().chain([&meminfo]) {
            let file = root.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        root
    }

    fn left(files: &[(&str, &str)]) -> usize {
        available(machine(files).path()).unwrap()
    }

    const TWO: (&str, &str) = (
        "proc/self/mountinfo",
        "24 1 0:22 / / rw - ext4 /dev/sda rw\n30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
    );
    const ONE: (&str, &str) = (
        "proc/self/mountinfo",
        "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
         32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
    );

    #[test]
    fn without_limits_all_that_is_free_counts() {
        assert_eq!(left(&[]), 16 * GB);
        assert_eq!(left(&[TWO, ("proc/self/cgroup", "0::/\n")]), 16 * GB);
        let unlimited = [TWO, ("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")];
        assert_eq!(left(&unlimited), 16 * GB);
        assert_eq!(available(tempfile::tempdir().unwrap().path()), None);
    }

    #[test]
    fn the_tightest_group_around_the_process_counts_and_inactive_files_are_free() {
        let own = "0::/user.slice/job.scope/child\n";
        let files = [
            TWO,
            ("proc/self/cgroup", own),
            ("sys/fs/cgroup/user.slice/job.scope/child/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/job.scope/memory.max", "4294967296\n"),
            ("sys/fs/cgroup/user.slice/job.scope/memory.current", "3221225472\n"),
            (
                "sys/fs/cgroup/user.slice/job.scope/memory.stat",
                "anon 7\ninactive_file 1073741824\nactive_file 9\n",
            ),
            ("sys/fs/cgroup/user.slice/memory.max", "8589934592\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "3221225472\n"),
        ];
        assert_eq!(left(&files), 2 * GB);
        // A group of somebody else.
        let other = [TWO, ("proc/self/cgroup", own), ("sys/fs/cgroup/system.slice/memory.max", "1\n")];
        assert_eq!(left(&other), 16 * GB);
        let full = [
            TWO,
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/a/memory.max", "5\n"),
            ("sys/fs/cgroup/a/memory.current", "9\n"),
        ];
        assert_eq!(left(&full), 0);
    }

    #[test]
    fn a_container_that_is_told_its_path_outside_finds_its_group() {
        let mount = "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let files = [
            ("proc/self/mountinfo", mount),
            ("proc/self/cgroup", "0::/docker/abc\n"),
            ("sys/fs/cgroup/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/memory.current", "0\n"),
        ];
        assert_eq!(left(&files), GB);
    }

    #[test]
    fn groups_of_version_one_count_with_the_limits_around_them() {
        let none = "9223372036854771712\n";
        let files = [
            ONE,
            ("proc/self/cgroup", "9:cpu:/\n4:memory:/jobs/1\n0::/\n"),
            ("sys/fs/cgroup/memory/jobs/1/memory.limit_in_bytes", none),
            ("sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "3221225472\n"),
            ("sys/fs/cgroup/memory/jobs/memory.usage_in_bytes", "2147483648\n"),
            ("sys/fs/cgroup/memory/jobs/memory.stat", "inactive_file 5\ntotal_inactive_file 1073741824\n"),
        ];
        assert_eq!(left(&files), 2 * GB);
        let outside = [
            ONE,
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", none),
            ("sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit 1073741824\n"),
        ];
        assert_eq!(left(&outside), GB);
    }

    #[test]
    fn limits_of_the_process_count_less_what_it_has() {
        let limits = |space: &str, data: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max data size             {data:<20} unlimited            bytes     \n\
                 Max address space         {space:<20} unlimited            bytes     \n"
            )
        };
        let status = ("proc/self/status", "Name:\timpasto\nVmSize:\t 1048576 kB\nVmData:\t 524288 kB\n");
        for (space, data, expected) in [
            ("unlimited", "unlimited", 16 * GB),
            ("4294967296", "unlimited", 3 * GB),
            ("unlimited", "1073741824", GB / 2),
            ("1024", "unlimited", 0),
        ] {
            let limits = limits(space, data);
            assert_eq!(left(&[("proc/self/limits", &limits), status]), expected, "{space} {data}");
        }
    }
}
