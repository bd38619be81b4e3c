//! The processor time that control groups grant this process: version 1 and 2, in every group from ours up
//! to the root that can be seen.

use std::path::{Component, Path, PathBuf};

/// How many whole processors the tightest quota grants, at least 1; `None` without a quota. `read` answers
/// the text of a file, if there is one.
///
/// A quota of one and a half processors grants one: the group is stopped as a whole once its time is used
/// up, a thread in the middle of its work like one that waits for it.
pub(super) fn processors(read: &dyn Fn(&Path) -> Option<String>) -> Option<u32> {
    let memberships = read(Path::new("/proc/self/cgroup"))?;
    let mounts = read(Path::new("/proc/self/mountinfo"))?;
    let quotas = mounts.lines().filter_map(Mount::parse).filter_map(|mount| {
        let group = memberships.lines().find_map(|line| mount.version.membership(line))?;
        mount.directories(group).iter().filter_map(|directory| mount.version.quota(directory, read)).min()
    });
    quotas.min()
}

#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Version {
    /// The group named by a line of `/proc/self/cgroup`, if it is of this version and has processor time.
    fn membership(self, line: &str) -> Option<&str> {
        let mut fields = line.splitn(3, ':');
        let (_hierarchy, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let ours = match self {
            Version::One => controllers.split(',').any(|controller| controller == "cpu"),
            Version::Two => controllers.is_empty(),
        };
        ours.then_some(group)
    }

    fn quota(self, directory: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<u32> {
        let (quota, period) = match self {
            Version::One => {
                (read(&directory.join("cpu.cfs_quota_us"))?, read(&directory.join("cpu.cfs_period_us"))?)
            }
            Version::Two => {
                let text = read(&directory.join("cpu.max"))?;
                let (quota, period) = text.trim().split_once(' ')?;
                (quota.to_owned(), period.to_owned())
            }
        };
        // No quota is `max` in one version and -1 in the other.
        let quota: u64 = quota.trim().parse().ok()?;
        let processors = quota.checked_div(period.trim().parse().ok()?)?;
        Some(u32::try_from(processors).unwrap_or(u32::MAX).max(1))
    }
}

/// Where a hierarchy of groups is mounted.
struct Mount {
    version: Version,
    /// The group that is mounted.
    root: String,
    point: PathBuf,
}

impl Mount {
    /// From a line of `/proc/self/mountinfo`.
    fn parse(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let version = match (system.next()?, system.nth(1).unwrap_or_default()) {
            ("cgroup2", _) => Version::Two,
            ("cgroup", options) if options.split(',').any(|option| option == "cpu") => Version::One,
            _ => return None,
        };
        let mut fields = mount.split(' ').skip(3);
        Some(Mount { version, root: unescape(fields.next()?), point: unescape(fields.next()?).into() })
    }

    /// The directories of a group and of all above it that can be seen.
    fn directories(&self, group: &str) -> Vec<PathBuf> {
        // A group outside of what is mounted (another namespace) cannot be seen: what can is the mount.
        let below = Path::new(group)
            .strip_prefix(&self.root)
            .ok()
            .filter(|below| below.components().all(|c| matches!(c, Component::Normal(_))))
            .unwrap_or(Path::new(""));
        below.ancestors().map(|group| self.point.join(group)).collect()
    }
}

/// Spaces and backslashes come as three octal digits.
fn unescape(field: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(field.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const V2: &str = "26 20 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct";

    fn granted(membership: &str, mounts: &str, files: &[(&str, &str)]) -> Option<u32> {
        let mut all: BTreeMap<PathBuf, String> =
            files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        all.insert("/proc/self/cgroup".into(), membership.to_owned());
        all.insert("/proc/self/mountinfo".into(), mounts.to_owned());
        processors(&|path| all.get(path).cloned())
    }

    #[test]
    fn version_2() {
        let at = |text| granted("0::/\n", V2, &[("/sys/fs/cgroup/cpu.max", text)]);
        assert_eq!(at("200000 100000\n"), Some(2));
        assert_eq!(at("max 100000\n"), None);
        // Fractions are cut off, but one thread there always is.
        assert_eq!(at("199999 100000\n"), Some(1));
        assert_eq!(at("350000 100000\n"), Some(3));
        assert_eq!(at("5000 100000\n"), Some(1));
        // Periods are not always a tenth of a second.
        assert_eq!(at("75000 25000\n"), Some(3));
        // What is none: no quota, and no panic.
        for text in ["", "200000", "200000 0\n", "-1 100000\n", "x y z", "99999999999999999999 1"] {
            assert_eq!(at(text), None, "{text}");
        }
        assert_eq!(at("18446744073709551615 1\n"), Some(u32::MAX));
    }

    #[test]
    fn version_1() {
        let at = |quota, period| {
            let files = [
                ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", quota),
                ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", period),
            ];
            granted("5:memory:/m\n4:cpu,cpuacct:/a\n3:cpuset:/s\n", V1, &files)
        };
        assert_eq!(at("400000\n", "100000\n"), Some(4));
        assert_eq!(at("250000\n", "100000\n"), Some(2));
        assert_eq!(at("50000\n", "100000\n"), Some(1));
        assert_eq!(at("-1\n", "100000\n"), None);
        // cpuset and cpuacct alone are other controllers.
        assert_eq!(granted("4:cpuacct:/a\n3:cpuset:/a\n", V1, &[]), None);
    }

    #[test]
    fn the_tightest_of_nested_groups() {
        let group = "0::/user.slice/app.scope/worker\n";
        let base = "/sys/fs/cgroup";
        let at = |worker: &'static str, app: &'static str, user: &'static str| {
            let files = [
                (format!("{base}/user.slice/app.scope/worker/cpu.max"), worker),
                (format!("{base}/user.slice/app.scope/cpu.max"), app),
                (format!("{base}/user.slice/cpu.max"), user),
            ];
            let files: Vec<_> =
                files.iter().filter(|(_, text)| !text.is_empty()).map(|(p, t)| (p.as_str(), *t)).collect();
            granted(group, V2, &files)
        };
        assert_eq!(at("400000 100000", "300000 100000", "max 100000"), Some(3));
        assert_eq!(at("max 100000", "max 100000", "150000 100000"), Some(1));
        assert_eq!(at("200000 100000", "800000 100000", "800000 100000"), Some(2));
        // The controller is not on in the inner groups: they have no such file.
        assert_eq!(at("", "", "600000 100000"), Some(6));
    }

    #[test]
    fn both_versions_at_once() {
        let mounts = format!("{V1}\n40 30 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
        let files = [
            ("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "300000"),
            ("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000"),
        ];
        assert_eq!(granted("1:cpu,cpuacct:/job\n0::/init.scope\n", &mounts, &files), Some(3));
    }

    #[test]
    fn in_a_container() {
        // The container's group is mounted as if it were the root.
        let mount = "26 20 0:23 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw";
        let files =
            [("/sys/fs/cgroup/cpu.max", "200000 100000"), ("/sys/fs/cgroup/in/cpu.max", "100000 100000")];
        assert_eq!(granted("0::/docker/abc\n", mount, &files), Some(2));
        assert_eq!(granted("0::/docker/abc/in\n", mount, &files), Some(1));
        // The process was moved out of what is mounted.
        assert_eq!(granted("0::/../other\n", V2, &files), Some(2));
        assert_eq!(granted("0::/elsewhere\n", mount, &files), Some(2));
        // A mount point with a space.
        let mount = "26 20 0:23 / /my\\040groups rw - cgroup2 none rw";
        assert_eq!(granted("0::/\n", mount, &[("/my groups/cpu.max", "700000 100000")]), Some(7));
    }

    #[test]
    fn without_control_groups() {
        assert_eq!(processors(&|_| None), None);
        assert_eq!(granted("", "", &[]), None);
        assert_eq!(granted("garbage\n:::\n", "garbage - \n - cgroup2", &[]), None);
    }
}
