//! The disk as a mounted file system (FUSE).
//!
//! The kernel hands over each write at once and asks for each sync, so the disk knows exactly what it was told to keep.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::disk::{Disk, Node, Number};
use crate::supply::Shared;

/// Nobody but the kernel changes anything, so it may remember everything.
const REMEMBER: Duration = Duration::from_secs(3600);
const BLOCK: u32 = 4096;

/// A mounted disk; unmounted when it is dropped.
pub(crate) struct Mounted(Option<BackgroundSession>);

impl Mounted {
    pub(crate) fn new(shared: Shared, at: &Path) -> io::Result<Self> {
        let mut options = Config::default();
        options.mount_options = vec![fuser::MountOption::FSName("taxameter-power".to_owned())];
        fuser::spawn_mount(Mount(shared), at, &options).map(|session| Self(Some(session)))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            // What still holds it open was killed.
            let _ = session.umount_and_join();
        }
    }
}

struct Mount(Shared);

fn attributes(disk: &Disk, number: Number) -> Result<FileAttr, Errno> {
    let entry = disk.entry(number).ok_or(Errno::ENOENT)?;
    let (kind, size) = match &entry.node {
        Node::File(file) => (FileType::RegularFile, file.size()),
        Node::Directory => (FileType::Directory, u64::from(BLOCK)),
        Node::Link(target) => (FileType::Symlink, target.as_os_str().len() as u64),
    };
    let time = entry.modified;
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm: (entry.mode & 0o7777) as u16,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    })
}

impl Mount {
    fn make(&self, parent: INodeNo, name: &OsStr, node: Node, mode: u32) -> Result<FileAttr, Errno> {
        self.0.change(|disk| {
            if disk.find(parent.0, name).is_some() {
                return Err(Errno::EEXIST);
            }
            let number = disk.add(parent.0, name, node, mode);
            attributes(disk, number)
        })
    }

    fn entry(reply: ReplyEntry, made: Result<FileAttr, Errno>) {
        match made {
            Ok(attributes) => reply.entry(&REMEMBER, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn empty(reply: ReplyEmpty, done: Result<(), Errno>) {
        match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }
}

fn place(parent: INodeNo, name: &OsStr) -> (Number, OsString) {
    (parent.0, name.to_owned())
}

impl Filesystem for Mount {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.0.look(|disk| attributes(disk, disk.find(parent.0, name).ok_or(Errno::ENOENT)?));
        Self::entry(reply, found);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.look(|disk| attributes(disk, number.0)) {
            Ok(attributes) => reply.attr(&REMEMBER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = self.0.change(|disk| {
            if let Some(size) = size {
                disk.file_mut(number.0).ok_or(Errno::EISDIR)?.resize(size);
                disk.touch(number.0);
            }
            if let (Some(mode), Some(entry)) = (mode, disk.entry_mut(number.0)) {
                entry.mode = mode;
            }
            attributes(disk, number.0)
        });
        match changed {
            Ok(attributes) => reply.attr(&REMEMBER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        let target = self.0.look(|disk| match disk.entry(number.0).map(|entry| &entry.node) {
            Some(Node::Link(target)) => Ok(target.as_os_str().as_encoded_bytes().to_vec()),
            Some(Node::File(_) | Node::Directory) | None => Err(Errno::EINVAL),
        });
        match target {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        Self::entry(reply, self.make(parent, name, Node::Directory, mode));
    }

    fn symlink(&self, _: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        Self::entry(reply, self.make(parent, name, Node::Link(PathBuf::from(target)), 0o777));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.make(parent, name, Node::File(Default::default()), mode) {
            Ok(made) => {
                reply.created(&REMEMBER, &made, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(error) => reply.error(error),
        }
    }

    fn link(&self, _: &Request, number: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let linked = self.0.change(|disk| {
            disk.set(vec![(place(parent, name), Some(number.0))]);
            attributes(disk, number.0)
        });
        Self::entry(reply, linked);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self.0.change(|disk| {
            disk.find(parent.0, name).ok_or(Errno::ENOENT)?;
            disk.set(vec![(place(parent, name), None)]);
            Ok(())
        });
        Self::empty(reply, done);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self.0.change(|disk| {
            let number = disk.find(parent.0, name).ok_or(Errno::ENOENT)?;
            if disk.list(number).next().is_some() {
                return Err(Errno::ENOTEMPTY);
            }
            disk.set(vec![(place(parent, name), None)]);
            Ok(())
        });
        Self::empty(reply, done);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let done = self.0.change(|disk| {
            let number = disk.find(parent.0, name).ok_or(Errno::ENOENT)?;
            let other = disk.find(new_parent.0, new_name);
            if other.is_some() && flags.contains(RenameFlags::RENAME_NOREPLACE) {
                return Err(Errno::EEXIST);
            }
            let is_exchange = flags.contains(RenameFlags::RENAME_EXCHANGE);
            if is_exchange && other.is_none() {
                return Err(Errno::ENOENT);
            }
            if !is_exchange && other.is_some_and(|other| disk.list(other).next().is_some()) {
                return Err(Errno::ENOTEMPTY);
            }
            let left = other.filter(|_| is_exchange);
            disk.set(vec![(place(parent, name), left), (place(new_parent, new_name), Some(number))]);
            Ok(())
        });
        Self::empty(reply, done);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: fuser::ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let bytes =
            self.0.look(|disk| Ok(disk.file(number.0).ok_or(Errno::EISDIR)?.read(offset, size as usize)));
        match bytes {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.0.change(|disk| {
            disk.file_mut(number.0).ok_or(Errno::EISDIR)?.write(offset, bytes);
            disk.touch(number.0);
            Ok(())
        });
        match written {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let done = self.0.change(|disk| {
            let file = disk.file_mut(number.0).ok_or(Errno::EISDIR)?;
            if mode != 0 {
                return Err(Errno::EOPNOTSUPP);
            }
            if offset + length > file.size() {
                file.resize(offset + length);
            }
            Ok(())
        });
        Self::empty(reply, done);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let done = self.0.change(|disk| {
            disk.sync_file(number.0);
            Ok(())
        });
        Self::empty(reply, done);
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let done = self.0.change(|disk| {
            disk.sync_directory(number.0);
            Ok(())
        });
        Self::empty(reply, done);
    }

    fn readdir(&self, _: &Request, number: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let names = self.0.look(|disk| {
            let kind = |number| match disk.entry(number).map(|entry| &entry.node) {
                Some(Node::Directory) => FileType::Directory,
                Some(Node::Link(_)) => FileType::Symlink,
                Some(Node::File(_)) | None => FileType::RegularFile,
            };
            let after = disk.list(number.0).filter(|(_, number)| *number > offset);
            let mut listed: Vec<_> =
                after.map(|(name, number)| (name.to_owned(), number, kind(number))).collect();
            // By number, so that a reader who removes what it has read misses nothing.
            listed.sort_unstable_by_key(|(_, number, _)| *number);
            Ok(listed)
        });
        match names {
            Err(error) => return reply.error(error),
            Ok(names) => {
                for (name, number, kind) in &names {
                    if reply.add(INodeNo(*number), *number, *kind, name) {
                        break;
                    }
                }
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        // 64 GiB, half of them free: room enough for the program not to save.
        reply.statfs(16 << 20, 8 << 20, 8 << 20, 1 << 24, 1 << 24, BLOCK, 255, BLOCK);
    }
}
