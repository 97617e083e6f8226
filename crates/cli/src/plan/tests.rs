use super::*;

fn machine(cores: usize, pairs: bool) -> Machine {
    let siblings = (0..cores)
        .map(|core| (core, if pairs { vec![core & !1, core | 1] } else { vec![core] }))
        .collect();
    Machine { cores: (0..cores).collect(), siblings }
}

fn threads() -> Vec<BusyThread> {
    let thread =
        |name: &str, worker, is_strategy| BusyThread { name: name.to_owned(), worker, is_strategy };
    vec![
        thread("ingest", None, false),
        thread("spread", None, true),
        thread("pressure", Some(0), true),
        thread("pressure", Some(1), true),
    ]
}

#[track_caller]
fn check(cores: &str, wait: &str, machine: &Machine, expected: Result<&[Option<usize>], &str>) {
    let request: Result<CoreRequest, PlanError> = cores.parse();
    let planned = request
        .and_then(|request| plan(&request, wait.parse().unwrap(), &threads(), machine))
        .map(|plan| plan.cores)
        .map_err(|error| error.to_string());
    match (planned, expected) {
        (Ok(planned), Ok(expected)) => assert_eq!(planned, expected),
        (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
        (planned, expected) => panic!("{planned:?} is not {expected:?}"),
    }
}

#[test]
fn threads_get_the_cores_they_are_given() {
    let eight = machine(8, false);
    check("ingest=0,strategy=1-3", "auto", &eight, Ok(&[Some(0), Some(1), Some(2), Some(3)]));
    check("pressure=5+7", "auto", &eight, Ok(&[None, None, Some(5), Some(7)]));
    check("strategy=1-3,pressure/1=6", "auto", &eight, Ok(&[None, Some(1), Some(2), Some(6)]));
    check(
        "strategy=1,strategy=2,strategy=3",
        "auto",
        &eight,
        Ok(&[None, Some(1), Some(2), Some(3)]),
    );
    check("none", "auto", &eight, Ok(&[None; 4]));
}

#[test]
fn each_mistake_has_an_error_that_names_it() {
    let eight = machine(8, false);
    check("ingest", "auto", &eight, Err("`ingest` is not ROLE=CORES"));
    check("ingest=x", "auto", &eight, Err("`ingest=x` is not ROLE=CORES"));
    check("ingest=3-1", "auto", &eight, Err("is not ROLE=CORES"));
    check("ingest=8", "auto", &eight, Err("core 8 of `ingest` is not there"));
    check("writer=1", "auto", &eight, Err("no thread called `writer`"));
    check("strategy=1", "auto", &eight, Err("`strategy` stands for 3 threads but 1 cores"));
    check("ingest=1,spread=1", "auto", &eight, Err("given to both `ingest` and `spread`"));
}

#[test]
fn hardware_threads_of_one_core_may_not_both_spin() {
    let smt = machine(8, true);
    check("ingest=0,spread=1", "spin", &smt, Err("are hardware threads of one physical core"));
    check("ingest=0,spread=1", "backoff", &smt, Ok(&[Some(0), Some(1), None, None]));
    check("ingest=0,spread=2", "spin", &smt, Ok(&[Some(0), Some(2), None, None]));
}

#[test]
fn more_spinning_threads_than_cores_are_refused() {
    check("none", "spin", &machine(3, false), Err("4 threads would spin on 3 cores"));
    check("none", "spin-pause", &machine(3, false), Err("4 threads would spin on 3 cores"));
    check("none", "spin", &machine(4, false), Ok(&[None; 4]));
    check("none", "yield", &machine(1, false), Ok(&[None; 4]));
}

#[test]
fn auto_pins_only_when_each_busy_thread_gets_a_physical_core_and_one_is_left() {
    check("auto", "auto", &machine(5, false), Ok(&[Some(1), Some(2), Some(3), Some(4)]));
    check("auto", "auto", &machine(4, false), Ok(&[None; 4]));
    check("auto", "auto", &machine(10, true), Ok(&[Some(2), Some(4), Some(6), Some(8)]));
    check("auto", "auto", &machine(8, true), Ok(&[None; 4]));
}

#[test]
fn auto_waits_by_spinning_only_on_exclusive_cores() {
    let wait = |cores: &str, machine: &Machine| {
        plan(&cores.parse().unwrap(), Wait::Auto, &threads(), machine).unwrap().wait
    };
    assert_eq!(wait("auto", &machine(5, false)), WaitStrategy::SpinPause);
    assert_eq!(wait("auto", &machine(2, false)), WaitStrategy::Backoff);
    assert_eq!(wait("none", &machine(64, false)), WaitStrategy::Backoff);
    assert_eq!(wait("ingest=1,strategy=2-4", &machine(8, true)), WaitStrategy::Backoff);
}

#[test]
fn a_fall_back_is_stated() {
    let planned = plan(&CoreRequest::Auto, Wait::Auto, &threads(), &machine(2, false)).unwrap();
    assert!(planned.notes.iter().any(|note| note.starts_with("not pinning")), "{planned:?}");
    assert!(planned.notes.iter().any(|note| note.contains("waiting with backoff")), "{planned:?}");
}
