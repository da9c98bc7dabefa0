//! What breaks the log on purpose, and the judges that watch from outside.
//!
//! The log under test is the real program, `tallymark-log`, in processes of its own and spoken to over sockets. It is
//! killed, cut off from power, given errors by its system calls, a full disk, flipped bits, old copies, a twin and a
//! wrong clock. What it kept is judged by two witnesses that it cannot reach: a list of everything it acknowledged and
//! a list of every checkpoint that it ever showed ([`outside`]). What the log says about itself proves nothing.
//!
//! | module | what |
//! |---|---|
//! | [`outside`] | the judges: what left the log, and whether the log still stands by it |
//! | [`submitters`] | the load, and how its answers reach the judges |
//! | [`product`] | the program under test: made, started, killed, checked |
//! | [`client`] | one HTTP connection |
//! | [`plan`] | which tests there are, and how long their three forms run |
//! | [`scratch`] | where a run leaves its files, and how leftovers of a dead run go away |
//! | [`machine`] | what this machine can do and how fast its disk is |
//! | [`seed`] | random numbers that can be had again |
//! | [`image`] | a disk whose power can be cut |
//! | [`copies`] | copies of a log at rest |
//! | [`faults`], [`simulator`] | R4, R5: the log's own parts in this process, on storage and a key that fail |
//! | [`tiles`] | R12 |
//! | [`soak`], [`overload`], [`slow`], [`bad_requests`], [`bombs`] | R17, R18, R19, R20 and R21, R22 and R23 |
//! | [`footprint`] | what a process costs |
//! | [`wire`] | bytes on a socket as a hostile client sends them |
//! | [`prepared`] | a log with something of everything in it, to be damaged in copies |
//! | [`workers`] | independent cycles, one worker a processor |
//! | [`kill`], [`power_cut`], [`system_calls`], [`disk_full`], [`bit_rot`], [`whole_log`], [`old_copy`], [`two_servers`], [`clock_jumps`] | R1, R2, R3, R6 to R11 |
//!
//! In scope: the promises of `docs/torture.md`. Out of scope: speed (`cargo xtask bench`), and the log's own unit
//! tests. Everything here is a tool for people who work on the log; nothing else may build on it.

pub mod bad_requests;
pub mod bit_rot;
pub mod bombs;
pub mod cage;
pub mod client;
pub mod clock_jumps;
pub mod copies;
pub mod disk_full;
pub mod faults;
pub mod footprint;
pub mod image;
mod inside;
pub mod kill;
pub mod machine;
pub mod old_copy;
pub mod outside;
pub mod overload;
pub mod plan;
pub mod power_cut;
pub mod prepared;
pub mod product;
pub mod scratch;
pub mod seed;
pub mod simulator;
pub mod slow;
pub mod soak;
pub mod submitters;
pub mod system_calls;
pub mod tiles;
pub mod two_servers;
pub mod whole_log;
pub mod wire;
pub mod workers;
