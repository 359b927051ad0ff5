use std::process::Command;
use std::{env, fs, thread};

include!(concat!(env!("OUT_DIR"), "/made.rs"));

fn main() {
    println!("{} {}", greeting::greeting("world"), MADE);
    let threads: Vec<_> = (0..16)
        .map(|_| thread::spawn(|| fs::read("/etc/passwd").unwrap().len()))
        .collect();
    let lengths: Vec<_> = threads.into_iter().map(|one| one.join().unwrap()).collect();
    println!("{}", lengths.iter().all(|&length| length == lengths[0]));
    println!("{}", env::current_exe().unwrap().display());
    let status = Command::new("sh").args(["-c", "exit 3"]).status().unwrap();
    println!("{status}");
    println!("{:?}", Command::new("/no/such").status().map_err(|error| error.kind()));
    println!("{}", fs::canonicalize("/proc/self/cwd/.").unwrap().display());
}
