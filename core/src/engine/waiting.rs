//! How the engine's threads wait: for each other inside a graph, and for the next graph.
//!
//! ggml's barrier spins until the last thread has come. Where every thread has a core that is the fastest
//! way. Beside a busy neighbour it is the slowest: a thread that waits uses up the time slice which the
//! thread it waits for would need, some hundred times for every token. `core/engine/frozen.h` puts the
//! functions of this file in the place of the processor's pause and of the condition variable that idle
//! workers wait on; [`super::sharing`] decides how many threads the next graph is worth. None of it takes part in the
//! numerics.

use std::arch::x86_64::_rdtsc;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Two calls of [`attestlm_pause`] that lie further apart than this, in ticks of the processor's clock, belong
/// to two waits: a round of a waiting loop takes 50 to 250, the shortest way from one barrier to the next more.
const SAME_WAIT: u64 = 500;
/// How long a barrier is waited for awake, in ticks: 30 to 50 us, longer than threads differ that run.
const AWAKE: u64 = 100_000;
/// How long a thread then sleeps before it looks again; the kernel adds up to 50 us. The core is free
/// meanwhile, for the thread that is waited for too.
const NAP: Duration = Duration::from_micros(20);
/// How long an idle worker looks for the next graph before it blocks: longer than it takes to draw a token,
/// shorter than whoever computes next on that core would notice.
const IDLE_AWAKE: Duration = Duration::from_millis(1);

#[derive(Clone, Copy)]
struct Wait {
    begun: u64,
    last: u64,
    /// Ticks of all waits of this thread.
    total: u64,
}

thread_local! {
    static WAIT: Cell<Wait> = const { Cell::new(Wait { begun: 0, last: 0, total: 0 }) };
}

fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { _rdtsc() }
}

/// Measures how much of a graph's time this thread waits for others, in ticks.
pub(super) struct Watch {
    begun: u64,
    waited: u64,
}

impl Watch {
    pub(super) fn start() -> Self {
        Watch { begun: ticks(), waited: WAIT.get().total }
    }

    /// The time since the start, and how much of it was waiting.
    pub(super) fn stop(self) -> (u64, u64) {
        (ticks().wrapping_sub(self.begun), WAIT.get().total.wrapping_sub(self.waited))
    }
}

/// One round of a waiting loop of the engine.
#[no_mangle]
extern "C" fn attestlm_pause() {
    pause();
}

/// One round of a waiting loop.
pub(super) fn pause() {
    let now = ticks();
    let mut wait = WAIT.get();
    if now.wrapping_sub(wait.last) > SAME_WAIT {
        wait.begun = now;
    } else {
        wait.total = wait.total.wrapping_add(now.wrapping_sub(wait.last));
    }
    wait.last = now;
    if now.wrapping_sub(wait.begun) < AWAKE {
        std::hint::spin_loop();
    } else {
        // Not a yield: a thread that yields to a neighbour comes back up to a time slice later, longer than
        // all the work between two barriers, and a core that is never idle takes no thread over from a
        // crowded one.
        std::thread::sleep(NAP);
        // Another round of the same wait, however long the nap was.
        wait.last = ticks();
        wait.total = wait.total.wrapping_add(wait.last.wrapping_sub(now));
    }
    WAIT.set(wait);
}

/// The condition variable, in the memory of a `pthread_cond_t`.
#[repr(C)]
struct Condition {
    /// Changes with every broadcast.
    sequence: AtomicU32,
    /// Threads that block, or are about to.
    sleepers: AtomicU32,
}

const _: () = assert!(size_of::<Condition>() <= size_of::<libc::pthread_cond_t>());
const _: () = assert!(align_of::<Condition>() <= align_of::<libc::pthread_cond_t>());

impl Condition {
    fn futex(&self, operation: c_int, value: u32) {
        // SAFETY: the word is valid for the call; a NULL timeout waits without one.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.sequence.as_ptr(),
                operation | libc::FUTEX_PRIVATE_FLAG,
                value,
                std::ptr::null::<libc::timespec>(),
            );
        }
    }

    /// Until the sequence is no longer `seen`, or for no reason.
    fn wait_for_change(&self, seen: u32) {
        if !was_pushed_aside() {
            let begun = Instant::now();
            while begun.elapsed() < IDLE_AWAKE {
                for _ in 0..64 {
                    if self.sequence.load(Ordering::Acquire) != seen {
                        return;
                    }
                    std::hint::spin_loop();
                }
            }
        }
        // Announced before the kernel compares the word again: a broadcast sees the sleeper or changes the
        // word before the comparison.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        self.futex(libc::FUTEX_WAIT, seen);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    fn broadcast(&self) {
        self.sequence.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            self.futex(libc::FUTEX_WAKE, i32::MAX.cast_unsigned());
        }
    }
}

/// Whether the kernel took this thread off its core for another one since it last asked. Where others want
/// the core, nobody polls on it.
fn was_pushed_aside() -> bool {
    thread_local! {
        static BEFORE: Cell<i64> = const { Cell::new(0) };
    }
    // SAFETY: an all-zero `rusage` is a valid value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the struct is valid for writes.
    if unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) } != 0 {
        return false;
    }
    BEFORE.replace(usage.ru_nivcsw) != usage.ru_nivcsw
}

#[no_mangle]
unsafe extern "C" fn attestlm_cond_init(condition: *mut Condition, _attributes: *const c_void) -> c_int {
    // SAFETY: ggml passes memory of a `pthread_cond_t`, which is large and aligned enough.
    unsafe { condition.write(Condition { sequence: AtomicU32::new(0), sleepers: AtomicU32::new(0) }) };
    0
}

#[no_mangle]
extern "C" fn attestlm_cond_destroy(_condition: *mut Condition) -> c_int {
    0
}

#[no_mangle]
unsafe extern "C" fn attestlm_cond_wait(
    condition: *const Condition,
    mutex: *mut libc::pthread_mutex_t,
) -> c_int {
    // SAFETY: ggml passes a condition made by `attestlm_cond_init` and a mutex that this thread holds.
    unsafe {
        // Before the mutex is free: what happens from then on is seen as a change.
        let seen = (*condition).sequence.load(Ordering::Acquire);
        libc::pthread_mutex_unlock(mutex);
        (*condition).wait_for_change(seen);
        // Whoever broadcasts still holds the mutex for an instant: blocking on it would cost more.
        for _ in 0..200 {
            if libc::pthread_mutex_trylock(mutex) == 0 {
                return 0;
            }
            std::hint::spin_loop();
        }
        libc::pthread_mutex_lock(mutex)
    }
}

#[no_mangle]
unsafe extern "C" fn attestlm_cond_broadcast(condition: *const Condition) -> c_int {
    // SAFETY: ggml passes a condition made by `attestlm_cond_init`.
    unsafe { &*condition }.broadcast();
    0
}

/// The address of every function that the engine calls here, see [`super::frozen::addresses`].
pub(super) fn addresses() -> [usize; 5] {
    [
        attestlm_pause as *const () as usize,
        attestlm_cond_init as *const () as usize,
        attestlm_cond_destroy as *const () as usize,
        attestlm_cond_wait as *const () as usize,
        attestlm_cond_broadcast as *const () as usize,
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64};
    use std::sync::{mpsc, Arc};

    use super::*;

    /// Processor time of this thread.
    fn used() -> Duration {
        // SAFETY: an all-zero `rusage` is a valid value of this plain struct.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the struct is valid for writes.
        assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) }, 0);
        let time = |t: libc::timeval| {
            Duration::new(t.tv_sec.cast_unsigned(), 0) + Duration::from_micros(t.tv_usec.cast_unsigned())
        };
        time(usage.ru_utime) + time(usage.ru_stime)
    }

    #[test]
    fn a_long_wait_leaves_the_core_and_is_counted() {
        let (begun, before, watch) = (Instant::now(), used(), Watch::start());
        while begun.elapsed() < Duration::from_millis(300) {
            attestlm_pause();
        }
        let (took, waited) = watch.stop();
        assert!(waited > took / 2, "{waited} of {took} ticks");
        let used = used().checked_sub(before).unwrap();
        assert!(used < Duration::from_millis(150), "{used:?} of 300 ms");
    }

    #[test]
    fn short_waits_with_work_between_stay_awake() {
        let watch = Watch::start();
        let mut naps = 0;
        // Together three times as long as one wait is awake.
        for _ in 0..300 {
            let work = ticks();
            while ticks().wrapping_sub(work) < 2 * SAME_WAIT {}
            naps += rounds();
        }
        let (took, waited) = watch.stop();
        assert!(waited < took, "{waited} of {took}");
        // A nap takes longer than ten rounds awake ever do, unless another process takes the core.
        assert!(naps < 60, "{naps} of 300 short waits were napped away");
    }

    /// Ten rounds of a wait, and whether they took as long as a nap.
    fn rounds() -> u32 {
        let begun = Instant::now();
        (0..10).for_each(|_| attestlm_pause());
        u32::from(begun.elapsed() > NAP)
    }

    /// Memory as ggml has it.
    struct Shared {
        condition: Condition,
        mutex: std::cell::UnsafeCell<libc::pthread_mutex_t>,
        turn: AtomicU64,
        stop: AtomicBool,
    }
    // SAFETY: the mutex is made to be shared.
    unsafe impl Sync for Shared {}
    // SAFETY: it is not moved while threads use it.
    unsafe impl Send for Shared {}

    impl Shared {
        fn wait_while(&self, condition: impl Fn() -> bool) {
            // SAFETY: a statically initialised mutex, held around the wait.
            unsafe {
                libc::pthread_mutex_lock(self.mutex.get());
                while condition() {
                    attestlm_cond_wait(&raw const self.condition, self.mutex.get());
                }
                libc::pthread_mutex_unlock(self.mutex.get());
            }
        }

        fn change(&self, change: impl Fn()) {
            // SAFETY: as above.
            unsafe {
                libc::pthread_mutex_lock(self.mutex.get());
                change();
                attestlm_cond_broadcast(&raw const self.condition);
                libc::pthread_mutex_unlock(self.mutex.get());
            }
        }
    }

    #[test]
    fn no_broadcast_is_lost() {
        let shared = Arc::new(Shared {
            condition: Condition { sequence: AtomicU32::new(0), sleepers: AtomicU32::new(0) },
            mutex: std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            turn: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        const THREADS: u64 = 3;
        const TURNS: u64 = 3_000;
        let (done, finished) = mpsc::channel();
        for i in 0..THREADS {
            let (shared, done) = (Arc::clone(&shared), done.clone());
            std::thread::spawn(move || {
                loop {
                    let turn = || shared.turn.load(Ordering::Relaxed);
                    shared.wait_while(|| turn() % THREADS != i && !shared.stop.load(Ordering::Relaxed));
                    if turn() >= TURNS {
                        shared.change(|| shared.stop.store(true, Ordering::Relaxed));
                        break;
                    }
                    // Some turns find the others awake, some asleep.
                    if turn() % 50 == 0 {
                        std::thread::sleep(2 * IDLE_AWAKE);
                    }
                    shared.change(|| {
                        shared.turn.fetch_add(1, Ordering::Relaxed);
                    });
                }
                done.send(()).unwrap();
            });
        }
        for _ in 0..THREADS {
            finished.recv_timeout(Duration::from_secs(60)).expect("a thread was never woken");
        }
        assert_eq!(shared.turn.load(Ordering::Relaxed), TURNS);
        assert_eq!(shared.condition.sleepers.load(Ordering::Relaxed), 0);
    }
}
