//! A disk that can be watched, and that can fail: loaded into the program before its C library
//! (`LD_PRELOAD`), it stands between the program and the operating system.
//!
//! It takes the calls on files below the directory in `FLACK_DISK`. With `FLACK_DISK_TRACE`, every
//! change and every sync that succeeds is written to that file, in their order; `tests/proofs/disk.rs`
//! reads it. With `FLACK_DISK_FAULT`, such as `eio:17`, the 17th call fails:
//!
//! | fault | |
//! |---|---|
//! | `eio` | with EIO |
//! | `enospc` | with ENOSPC; a read, which needs no room, with EIO |
//! | `short` | having done half of what it was asked for; what cannot be done by half, with EINTR |
//! | `full` | and every later one that needs room, with ENOSPC, until there is a file at `FLACK_DISK_ROOM` |
//!
//! The memory that SQLite shares between connections (`-shm`) is not meant to last, and not traced.

#![allow(non_camel_case_types, reason = "the names of C")]

use std::{
    collections::HashMap,
    env,
    ffi::{CStr, CString, OsStr, c_char, c_int, c_void},
    mem,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use libc::{
    EINTR, EIO, ENOSPC, O_CREAT, O_TRUNC, RTLD_NEXT, SEEK_CUR, mode_t, off64_t, size_t, ssize_t,
};

type Open = unsafe extern "C" fn(*const c_char, c_int, mode_t) -> c_int;
type Close = unsafe extern "C" fn(c_int) -> c_int;
type Read = unsafe extern "C" fn(c_int, *mut c_void, size_t) -> ssize_t;
type ReadAt = unsafe extern "C" fn(c_int, *mut c_void, size_t, off64_t) -> ssize_t;
type Write = unsafe extern "C" fn(c_int, *const c_void, size_t) -> ssize_t;
type WriteAt = unsafe extern "C" fn(c_int, *const c_void, size_t, off64_t) -> ssize_t;
type Truncate = unsafe extern "C" fn(c_int, off64_t) -> c_int;
type Sync = unsafe extern "C" fn(c_int) -> c_int;
type Unlink = unsafe extern "C" fn(*const c_char) -> c_int;
type Rename = unsafe extern "C" fn(*const c_char, *const c_char) -> c_int;
type MakeDir = unsafe extern "C" fn(*const c_char, mode_t) -> c_int;

/// The functions of the C library itself.
struct Real {
    open: Open,
    close: Close,
    read: Read,
    pread: ReadAt,
    write: Write,
    pwrite: WriteAt,
    ftruncate: Truncate,
    fsync: Sync,
    fdatasync: Sync,
    unlink: Unlink,
    rename: Rename,
    mkdir: MakeDir,
}

fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    // SAFETY: these are the types of the functions of these names.
    REAL.get_or_init(|| unsafe {
        Real {
            open: next(c"open64"),
            close: next(c"close"),
            read: next(c"read"),
            pread: next(c"pread64"),
            write: next(c"write"),
            pwrite: next(c"pwrite64"),
            ftruncate: next(c"ftruncate64"),
            fsync: next(c"fsync"),
            fdatasync: next(c"fdatasync"),
            unlink: next(c"unlink"),
            rename: next(c"rename"),
            mkdir: next(c"mkdir"),
        }
    })
}

/// The function of this name that comes after this library. Its caller promises its type.
unsafe fn next<T: Copy>(name: &CStr) -> T {
    // SAFETY: the name ends with NUL; a function is as large as its address.
    unsafe {
        let address = libc::dlsym(RTLD_NEXT, name.as_ptr());
        mem::transmute_copy(&address)
    }
}

/// What the environment asks for, and what is known of the open files. One lock orders the calls, so
/// that the trace has the order in which they took effect.
struct Disk {
    root: PathBuf,
    trace: Option<c_int>,
    fault: Option<Fault>,
    open: HashMap<c_int, Opened>,
    calls: u64,
    is_full: bool,
}

struct Opened {
    path: PathBuf,
    /// Stands for the file, whatever its name becomes.
    inode: u64,
    is_dir: bool,
    is_traced: bool,
}

#[derive(Clone, Copy)]
struct Fault {
    kind: Kind,
    /// The number of the call, from 1.
    at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Eio,
    Enospc,
    Short,
    Full,
}

/// What a call needs, for the faults.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Room,
}

/// What becomes of a call.
enum Fate {
    Happens,
    Fails(c_int),
    /// It does half.
    Half,
}

fn disk() -> Option<MutexGuard<'static, Disk>> {
    static DISK: OnceLock<Option<Mutex<Disk>>> = OnceLock::new();
    let disk = DISK.get_or_init(|| Disk::from_environment().map(Mutex::new)).as_ref()?;
    Some(disk.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Disk {
    fn from_environment() -> Option<Self> {
        let root = PathBuf::from(env::var_os("FLACK_DISK")?);
        let trace = env::var_os("FLACK_DISK_TRACE").map(|path| {
            let path = CString::new(path.into_vec()).unwrap_or_default();
            let flags = O_CREAT | libc::O_APPEND | libc::O_WRONLY | libc::O_CLOEXEC;
            // SAFETY: the path ends with NUL.
            unsafe { (real().open)(path.as_ptr(), flags, 0o600) }
        });
        let fault = env::var("FLACK_DISK_FAULT").ok().and_then(|fault| {
            let (kind, at) = fault.split_once(':')?;
            let kind = match kind {
                "eio" => Kind::Eio,
                "enospc" => Kind::Enospc,
                "short" => Kind::Short,
                "full" => Kind::Full,
                _ => return None,
            };
            Some(Fault { kind, at: at.parse().ok()? })
        });
        Some(Self { root, trace, fault, open: HashMap::new(), calls: 0, is_full: false })
    }

    fn has(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }

    /// Counts a call, and says whether it is the one to fail.
    fn fate(&mut self, needs: Needs) -> Fate {
        self.calls += 1;
        let Some(fault) = self.fault else { return Fate::Happens };
        if self.calls == fault.at {
            self.mark();
            self.is_full = fault.kind == Kind::Full;
        }
        match fault.kind {
            Kind::Full if self.is_full && needs == Needs::Room => {
                self.is_full = !has_room();
                if self.is_full { Fate::Fails(ENOSPC) } else { Fate::Happens }
            }
            Kind::Eio if self.calls == fault.at => Fate::Fails(EIO),
            Kind::Enospc if self.calls == fault.at => {
                Fate::Fails(if needs == Needs::Room { ENOSPC } else { EIO })
            }
            Kind::Short if self.calls == fault.at => Fate::Half,
            _ => Fate::Happens,
        }
    }

    /// Leaves a file to say that the fault has come.
    fn mark(&self) {
        let Some(path) = env::var_os("FLACK_DISK_HIT") else { return };
        let Ok(path) = CString::new(path.into_vec()) else { return };
        // SAFETY: the path ends with NUL, and the descriptor is used for nothing else.
        unsafe {
            let mark = (real().open)(path.as_ptr(), O_CREAT | libc::O_WRONLY, 0o600);
            (real().close)(mark);
        }
    }

    /// Appends a record: its kind, up to two numbers, and up to two pieces of bytes.
    fn note(&self, kind: u8, numbers: [u64; 2], first: &[u8], second: &[u8]) {
        let Some(trace) = self.trace else { return };
        let mut record = vec![kind];
        numbers.iter().for_each(|number| record.extend(number.to_le_bytes()));
        for bytes in [first, second] {
            record.extend((bytes.len() as u64).to_le_bytes());
            record.extend(bytes);
        }
        // SAFETY: the bytes are there for the length of the call.
        let written = unsafe { (real().write)(trace, record.as_ptr().cast(), record.len()) };
        if written != record.len() as ssize_t {
            // A trace with a hole would prove something else.
            std::process::abort();
        }
    }
}

fn has_room() -> bool {
    let Some(path) = env::var_os("FLACK_DISK_ROOM") else { return false };
    let path = CString::new(path.into_vec()).unwrap_or_default();
    // SAFETY: the path ends with NUL.
    unsafe { libc::access(path.as_ptr(), libc::F_OK) == 0 }
}

/// Fails as the operating system does.
fn fail(error: c_int) -> c_int {
    // SAFETY: it is this thread's own.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// The path that a program names. Its caller promises that it ends with NUL.
unsafe fn named(path: *const c_char) -> PathBuf {
    // SAFETY: see above.
    PathBuf::from(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()))
}

fn is_traced(path: &Path) -> bool {
    !path.as_os_str().as_bytes().ends_with(b"-shm")
}

unsafe fn open_file(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let real = real().open;
    // SAFETY: the arguments are the caller's.
    let (name, is_new) = unsafe { (named(path), libc::access(path, libc::F_OK) != 0) };
    let Some(mut disk) = disk().filter(|disk| disk.has(&name)) else {
        // SAFETY: the arguments are the caller's.
        return unsafe { real(path, flags, mode) };
    };
    let creates = is_new && flags & O_CREAT != 0;
    match disk.fate(if creates { Needs::Room } else { Needs::Nothing }) {
        Fate::Fails(error) => return fail(error),
        Fate::Half => return fail(EINTR),
        Fate::Happens => {}
    }
    // SAFETY: the arguments are the caller's, and the structure is large enough.
    let (file, about) = unsafe {
        let file = real(path, flags, mode);
        let mut about: libc::stat64 = mem::zeroed();
        libc::fstat64(file, &mut about);
        (file, about)
    };
    if file >= 0 {
        let opened = Opened {
            is_dir: about.st_mode & libc::S_IFMT == libc::S_IFDIR,
            inode: about.st_ino,
            is_traced: is_traced(&name),
            path: name,
        };
        if opened.is_traced && !opened.is_dir {
            disk.note(b'o', [opened.inode, 0], opened.path.as_os_str().as_bytes(), b"");
            if flags & O_TRUNC != 0 && !creates {
                disk.note(b't', [opened.inode, 0], b"", b"");
            }
        }
        disk.open.insert(file, opened);
    }
    file
}

/// # Safety
/// As of `open(2)`. The mode is only looked at when there is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { open_file(path, flags, mode) }
}

/// # Safety
/// As of `open(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { open_file(path, flags, mode) }
}

/// # Safety
/// As of `close(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(file: c_int) -> c_int {
    let mut disk = disk();
    disk.iter_mut().for_each(|disk| drop(disk.open.remove(&file)));
    // SAFETY: the caller's promise.
    unsafe { (real().close)(file) }
}

/// Reads, as far as the disk lets it.
fn read_file(file: c_int, size: size_t, real: impl Fn(size_t) -> ssize_t) -> ssize_t {
    let fate = match disk().filter(|disk| disk.open.contains_key(&file)) {
        Some(mut disk) => disk.fate(Needs::Nothing),
        None => Fate::Happens,
    };
    match fate {
        Fate::Happens => real(size),
        Fate::Half => real(size.div_ceil(2)),
        Fate::Fails(error) => fail(error) as ssize_t,
    }
}

/// # Safety
/// As of `read(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(file: c_int, bytes: *mut c_void, size: size_t) -> ssize_t {
    // SAFETY: the caller's promise; less fits where more would.
    read_file(file, size, |size| unsafe { (real().read)(file, bytes, size) })
}

/// # Safety
/// As of `pread(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pread64(
    file: c_int,
    bytes: *mut c_void,
    size: size_t,
    at: off64_t,
) -> ssize_t {
    // SAFETY: the caller's promise; less fits where more would.
    read_file(file, size, |size| unsafe { (real().pread)(file, bytes, size, at) })
}

/// Writes, as far as the disk lets it, and notes what was written.
unsafe fn write_file(
    file: c_int,
    bytes: *const c_void,
    size: size_t,
    at: impl Fn() -> off64_t,
    real: impl Fn(size_t) -> ssize_t,
) -> ssize_t {
    let Some(mut disk) = disk().filter(|disk| disk.open.contains_key(&file)) else {
        return real(size);
    };
    let size = match disk.fate(Needs::Room) {
        Fate::Happens => size,
        Fate::Half => size / 2,
        Fate::Fails(error) => return fail(error) as ssize_t,
    };
    let at = at();
    let written = real(size);
    if written > 0
        && let Some(Opened { inode, is_traced: true, .. }) = disk.open.get(&file)
    {
        // SAFETY: so much of the caller's bytes was read by the operating system just now.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast(), written as usize) };
        disk.note(b'w', [*inode, at as u64], bytes, b"");
    }
    written
}

/// # Safety
/// As of `write(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, bytes: *const c_void, size: size_t) -> ssize_t {
    // SAFETY: the caller's promise; less is there where more is.
    unsafe {
        let at = || libc::lseek64(file, 0, SEEK_CUR);
        write_file(file, bytes, size, at, |size| (real().write)(file, bytes, size))
    }
}

/// # Safety
/// As of `pwrite(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    file: c_int,
    bytes: *const c_void,
    size: size_t,
    at: off64_t,
) -> ssize_t {
    let real = real().pwrite;
    // SAFETY: the caller's promise; less is there where more is.
    unsafe { write_file(file, bytes, size, || at, |size| real(file, bytes, size, at)) }
}

unsafe fn truncate_file(file: c_int, size: off64_t) -> c_int {
    let real = real().ftruncate;
    let Some(mut disk) = disk().filter(|disk| disk.open.contains_key(&file)) else {
        // SAFETY: the arguments are the caller's.
        return unsafe { real(file, size) };
    };
    match disk.fate(Needs::Room) {
        Fate::Happens => {}
        Fate::Half => return fail(EINTR),
        Fate::Fails(error) => return fail(error),
    }
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real(file, size) };
    if result == 0
        && let Some(Opened { inode, is_traced: true, .. }) = disk.open.get(&file)
    {
        disk.note(b't', [*inode, size as u64], b"", b"");
    }
    result
}

/// # Safety
/// As of `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(file: c_int, size: off64_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { truncate_file(file, size) }
}

/// # Safety
/// As of `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(file: c_int, size: off64_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { truncate_file(file, size) }
}

fn sync_file(file: c_int, real: Sync) -> c_int {
    let Some(mut disk) = disk().filter(|disk| disk.open.contains_key(&file)) else {
        // SAFETY: any descriptor may be asked for.
        return unsafe { real(file) };
    };
    match disk.fate(Needs::Nothing) {
        Fate::Happens => {}
        Fate::Half => return fail(EINTR),
        Fate::Fails(error) => return fail(error),
    }
    // SAFETY: any descriptor may be asked for.
    let result = unsafe { real(file) };
    match disk.open.get(&file) {
        Some(Opened { is_dir: true, path, .. }) if result == 0 => {
            disk.note(b'd', [0; 2], path.as_os_str().as_bytes(), b"");
        }
        Some(Opened { is_traced: true, inode, .. }) if result == 0 => {
            disk.note(b's', [*inode, 0], b"", b"");
        }
        _ => {}
    }
    result
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    sync_file(file, real().fsync)
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    sync_file(file, real().fdatasync)
}

/// Changes a name, as far as the disk lets it.
fn change_name(
    path: &Path,
    needs: Needs,
    real: impl Fn() -> c_int,
    note: impl FnOnce(&Disk),
) -> c_int {
    let Some(mut disk) = disk().filter(|disk| disk.has(path)) else { return real() };
    match disk.fate(needs) {
        Fate::Happens => {}
        Fate::Half => return fail(EINTR),
        Fate::Fails(error) => return fail(error),
    }
    let result = real();
    if result == 0 && is_traced(path) {
        note(&disk);
    }
    result
}

/// # Safety
/// As of `unlink(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { named(path) };
    let real = || unsafe { (real().unlink)(path) };
    change_name(&name, Needs::Nothing, real, |disk| {
        disk.note(b'u', [0; 2], name.as_os_str().as_bytes(), b"");
    })
}

/// # Safety
/// As of `rename(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let (old, new) = unsafe { (named(from), named(to)) };
    let real = || unsafe { (real().rename)(from, to) };
    change_name(&old, Needs::Nothing, real, |disk| {
        disk.note(b'r', [0; 2], old.as_os_str().as_bytes(), new.as_os_str().as_bytes());
    })
}

/// # Safety
/// As of `mkdir(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { named(path) };
    let real = || unsafe { (real().mkdir)(path, mode) };
    change_name(&name, Needs::Room, real, |disk| {
        disk.note(b'm', [0; 2], name.as_os_str().as_bytes(), b"");
    })
}
