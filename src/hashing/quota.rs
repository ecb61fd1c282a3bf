//! What of the machine a container's CPU quota leaves to this process, in cores: Linux' control groups, both versions.
//!
//! std knows whole cores only (`available_parallelism`), and half a core is a usual quota.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// The quota in cores; `None` where there is none, or none that can be read.
pub(super) fn cores() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    tightest(&groups, |file| fs::read_to_string(file).ok())
}

/// The least quota of the groups that `/proc/self/cgroup` names (cgroups(7)) and of those above them: all of them hold.
fn tightest(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let mut tightest: Option<f64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        for folder in folders(controllers, path) {
            let quota = if controllers.is_empty() { unified(&folder, &read) } else { legacy(&folder, &read) };
            tightest = [tightest, quota].into_iter().flatten().reduce(f64::min);
        }
    }
    tightest
}

/// A group's folder and those above it; none for a controller that has nothing to do with time. A container may see its
/// own group as the mount's root though its name is another one: the root is always looked at, too.
fn folders(controllers: &str, path: &str) -> Vec<PathBuf> {
    let mount = match controllers {
        "" => PathBuf::from(MOUNT),
        _ if controllers.split(',').any(|controller| controller == "cpu") => {
            Path::new(MOUNT).join(controllers)
        }
        _ => return Vec::new(),
    };
    let group = mount.join(path.trim_start_matches('/'));
    group.ancestors().take_while(|folder| folder.starts_with(&mount)).map(Path::to_owned).collect()
}

/// Version 2: `cpu.max` holds quota (or `max`) and period, in microseconds.
fn unified(folder: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let text = read(&folder.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    ratio(quota, period)
}

/// Version 1: a file for each; a quota of -1 is none.
fn legacy(folder: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let quota = read(&folder.join("cpu.cfs_quota_us"))?;
    ratio(quota.trim(), read(&folder.join("cpu.cfs_period_us"))?.trim())
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    // Microseconds of a period: far within what 32 bits hold.
    let (quota, period): (u32, u32) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0 && period > 0).then(|| f64::from(quota) / f64::from(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(groups: &str, files: &[(&str, &str)]) -> Option<f64> {
        let found = tightest(groups, |file| {
            let file = file.to_str().unwrap();
            files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned())
        });
        found.map(|cores| (cores * 1000.0).round() / 1000.0)
    }

    #[test]
    fn a_quota_is_read_of_either_version_of_control_groups() {
        let v2 = "0::/\n";
        for (groups, files, cores) in [
            (v2, &[("/sys/fs/cgroup/cpu.max", "50000 100000\n")][..], Some(0.5)),
            (v2, &[("/sys/fs/cgroup/cpu.max", "max 100000\n")], None),
            (v2, &[("/sys/fs/cgroup/cpu.max", "nonsense")], None),
            (v2, &[("/sys/fs/cgroup/cpu.max", "100000 0")], None),
            (v2, &[], None),
            (
                "0::/kubepods/pod1/app\n",
                &[
                    ("/sys/fs/cgroup/kubepods/pod1/app/cpu.max", "max 100000"),
                    ("/sys/fs/cgroup/kubepods/pod1/cpu.max", "150000 100000"),
                    ("/sys/fs/cgroup/kubepods/cpu.max", "400000 100000"),
                ],
                Some(1.5),
            ),
            (
                "4:memory:/docker/1\n1:cpu,cpuacct:/docker/1\n0::/\n",
                &[
                    ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n"),
                    ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
                ],
                Some(1.0),
            ),
            (
                "1:cpu:/\n",
                &[
                    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"),
                    ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
                ],
                None,
            ),
            ("1:cpuset:/\n", &[("/sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "1000")], None),
            ("", &[], None),
            ("a line\n", &[], None),
        ] {
            assert_eq!(quota(groups, files), cores, "{groups:?} {files:?}");
        }
    }
}
