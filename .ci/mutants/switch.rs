
/// Whether mutant `n` is switched on by `COUNTERSIGN_MUTANT`; with `trace` none is, and each that is asked for is noted in
/// the file `COUNTERSIGN_MUTANT_TRACE`.
#[doc(hidden)]
pub fn mutant(n: usize) -> bool {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    struct Trace {
        file: std::fs::File,
        noted: Vec<AtomicBool>,
    }
    static ON: std::sync::OnceLock<(usize, Option<Trace>)> = std::sync::OnceLock::new();
    let (on, trace) = ON.get_or_init(|| {
        let value = std::env::var("COUNTERSIGN_MUTANT").unwrap_or_default();
        let trace = (value == "trace").then(|| Trace {
            file: std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(std::env::var_os("COUNTERSIGN_MUTANT_TRACE").unwrap())
                .unwrap(),
            noted: (0..MUTANTS).map(|_| AtomicBool::new(false)).collect(),
        });
        (value.parse().unwrap_or(usize::MAX), trace)
    });
    if let Some(Trace { file, noted }) = trace
        && !noted[n].swap(true, Ordering::Relaxed)
    {
        let mut file = file;
        file.write_all(format!("{n}\n").as_bytes()).unwrap();
    }
    *on == n
}
