//! `tickring doctor`: whether this host suits a low-latency run, and what would mend it.

use std::thread;

use tickring_metrics::{Clock, Ns};

use crate::args::{DoctorArgs, Format, LogLevel};
use crate::doctor::jitter::{self, CoreJitter};
use crate::doctor::text::{self, Page};
use crate::doctor::{
    CpuSet, Examination, Jitter, Root, Scope, State, examine, judged_cores, script,
};
use crate::exit::{Exit, Failure};
use crate::machine::pin;
use crate::output::{self, Talk};

/// Runs the command.
pub(crate) fn run(args: &DoctorArgs) -> Exit {
    let talk = Talk::new(args.talk.log);
    doctor(args, talk).unwrap_or_else(|Failure { exit, message }| {
        talk.say(LogLevel::Error, message);
        exit
    })
}

fn doctor(args: &DoctorArgs, talk: Talk) -> Result<Exit, Failure> {
    let root = Root::at(&args.root);
    let cores = args.cores.0.clone();
    check(args, &root, cores.as_ref())?;
    let scope = if root.is_here() {
        let clock = Clock::new();
        let jitter = measure(args, &judged_cores(&root, cores.clone()), &clock, talk)?;
        Scope { jitter, ..Scope::here(&clock, cores) }
    } else {
        Scope { root, cores, live: None, jitter: None }
    };
    let examination = examine(scope);
    let text = match args.talk.format {
        _ if args.fix_script => script::script(&examination),
        Format::Json => {
            serde_json::to_string(&examination).expect("findings have only string keys")
        }
        Format::Text => text::text(&examination, page()),
    };
    output::report(&text)?;
    Ok(end(args, &examination))
}

/// What cannot work, before anything is measured.
fn check(args: &DoctorArgs, root: &Root, cores: Option<&CpuSet>) -> Result<(), Failure> {
    if args.fix_script && args.talk.format == Format::Json {
        let words =
            "--format json: a script is text; leave out --fix-script for the findings as JSON";
        return Err(Failure::usage(words));
    }
    if !args.root.is_dir() {
        return Err(Failure::usage(format!("--root: {}: not a folder", args.root.display())));
    }
    if !root.is_here() && args.jitter.is_some_and(|it| !it.is_zero()) {
        let words = "--jitter: it is this machine that would be measured, not the one below --root";
        return Err(Failure::usage(words));
    }
    let online = root.cpus("/sys/devices/system/cpu/online");
    if let (Some(cores), Ok(online)) = (cores, online) {
        let absent = cores.without(&online);
        if !absent.is_empty() {
            let words = format!("--cores: {absent} not online; this machine has {online}");
            return Err(Failure::usage(words));
        }
    }
    Ok(())
}

/// Measures the jitter of each core, unless it is not wanted.
fn measure(
    args: &DoctorArgs,
    cores: &CpuSet,
    clock: &Clock,
    talk: Talk,
) -> Result<Option<Jitter>, Failure> {
    let asked_ns = args.jitter.map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX));
    let duration_ns = asked_ns.unwrap_or_else(|| jitter::default_ns(cores));
    if duration_ns == 0 || cores.is_empty() || args.fix_script {
        return Ok(None);
    }
    let how = if args.together { "all at once" } else { "one after another" };
    let time = Ns(duration_ns);
    talk.say(LogLevel::Info, format!("measuring jitter of cores {cores}, {how}, {time} each"));
    let all: Vec<usize> = cores.iter().collect();
    let at_once = if args.together { all.len() } else { 1 };
    let mut jitter = Jitter { together: args.together, cores: Vec::new(), refused: Vec::new() };
    for group in all.chunks(at_once) {
        let measured = measure_group(group, clock, duration_ns)?;
        for (core, measured) in group.iter().zip(measured) {
            match measured {
                Some(measured) => jitter.cores.push(measured),
                None => jitter.refused.push(*core),
            }
        }
    }
    Ok(Some(jitter))
}

/// Measures some cores at the same time, each with a thread of its own; `None` for a core that no
/// thread may be pinned to.
fn measure_group(
    group: &[usize],
    clock: &Clock,
    duration_ns: u64,
) -> Result<Vec<Option<CoreJitter>>, Failure> {
    let start = |&core: &usize| {
        let clock = clock.clone();
        thread::Builder::new()
            .name(format!("jitter/{core}"))
            .spawn(move || pin(core).then(|| jitter::spin(&clock, core, duration_ns)))
    };
    let threads: Vec<_> = group.iter().map(start).collect::<Result<_, _>>().map_err(|error| {
        Failure::new(Exit::InputOutput, format!("a thread to measure with: {error}"))
    })?;
    let join = |thread: thread::JoinHandle<_>| thread.join().expect("spinning does not panic");
    Ok(threads.into_iter().map(join).collect())
}

fn end(args: &DoctorArgs, examination: &Examination) -> Exit {
    let is_bad = examination.findings.iter().any(|it| it.state == State::Bad);
    if args.strict && is_bad { Exit::Fault } else { Exit::Done }
}

fn page() -> Page {
    Page { width: output::width(), is_coloured: output::is_coloured() }
}
