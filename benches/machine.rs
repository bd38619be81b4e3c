//! Where and with what a run was made.

use std::process::Command;

use attestlm::engine::cpu;
use attestlm::profile::Profile;

/// The machine in one sentence.
pub fn sentence() -> String {
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        text.lines().find_map(|line| {
            line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()
        })
    });
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, {} threads available, {:.0} GB of memory{}, Linux {}",
        cpu::name(),
        cpu::available_threads(),
        memory.unwrap_or(f64::NAN) * 1024.0 / 1e9,
        if is_virtual() { ", a virtual machine" } else { "" },
        kernel.trim()
    )
}

fn is_virtual() -> bool {
    std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains(" hypervisor"))
}

/// Compilers and profile in one sentence.
pub fn versions() -> String {
    format!(
        "attestlm {} under `{}`; {}; {}; {}",
        env!("CARGO_PKG_VERSION"),
        Profile::Exact2.id(),
        first_line("rustc", &["--version"]),
        first_line("c++", &["--version"]),
        first_line("cmake", &["--version"]),
    )
}

/// The first line a program prints.
pub fn first_line(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| format!("{program}: not found"))
}

/// The system's load averages.
pub fn load() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .map(|load| load.split(' ').take(3).collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}
