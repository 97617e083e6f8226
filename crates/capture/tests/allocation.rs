//! Recording a frame allocates nothing on the thread that records it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use tickring_capture::{
    CaptureWriter, OnCaptureFull, SegmentFiles, WriterConfig, WriterPorts, capture_channel,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting per thread.
struct Counting;

#[expect(unsafe_code, reason = "the trait has no safe way to count allocations")]
// SAFETY: every call is handed on to the system's allocator unchanged; counting touches a
// thread-local cell that needs neither memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_million_frames_are_recorded_without_an_allocation() {
    let folder = tempfile::tempdir().unwrap();
    let files = SegmentFiles::create(&folder.path().join("a.mcap"), false).unwrap();
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let config = WriterConfig::new(BTreeMap::new());
    let writer = CaptureWriter::new(files, config, &receiver, 0).unwrap();
    let (allocations, tally) = std::thread::scope(|scope| {
        let written = scope.spawn(move || {
            let mut ports = WriterPorts {
                now_ns: &|| 0,
                instruments: &BTreeMap::new,
                say: &mut |notice| panic!("{notice:?}"),
            };
            writer.run(receiver, &mut ports)
        });
        let before = ALLOCATIONS.get();
        for time_ns in 0..1_000_000 {
            tap.received(0, time_ns, &[b'x'; 215]);
        }
        tap.sent(0, 1_000_000, b"subscribe");
        let allocations = ALLOCATIONS.get() - before;
        drop(tap);
        (allocations, written.join().unwrap())
    });
    assert_eq!(tally.entries, 1_000_001);
    assert_eq!(allocations, 0);
}
