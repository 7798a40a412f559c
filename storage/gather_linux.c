// A layer between SQLite and its own file system that gathers what is written
// side by side and hands it on in one call: see gather_linux.go.
//
// Nothing is held back past a moment at which somebody else could look for it:
// whatever is not a write hands on first what was gathered.

#include <stdlib.h>
#include <string.h>

// What of SQLite's interface is needed (sqlite.org/c3ref/vfs.html and
// io_methods.html); both are kept as they are between versions. The functions
// are weak, since the linker finds them only at the end, in the driver.
typedef long long i64;
typedef struct file file;
typedef struct vfs vfs;

typedef struct {
	int iVersion;
	int (*xClose)(file *);
	int (*xRead)(file *, void *, int, i64);
	int (*xWrite)(file *, const void *, int, i64);
	int (*xTruncate)(file *, i64);
	int (*xSync)(file *, int);
	int (*xFileSize)(file *, i64 *);
	int (*xLock)(file *, int);
	int (*xUnlock)(file *, int);
	int (*xCheckReservedLock)(file *, int *);
	int (*xFileControl)(file *, int, void *);
	int (*xSectorSize)(file *);
	int (*xDeviceCharacteristics)(file *);
	int (*xShmMap)(file *, int, int, int, void volatile **);
	int (*xShmLock)(file *, int, int, int);
	void (*xShmBarrier)(file *);
	int (*xShmUnmap)(file *, int);
	int (*xFetch)(file *, i64, int, void **);
	int (*xUnfetch)(file *, i64, void *);
} methods;

struct file {
	const methods *m;
};

struct vfs {
	int iVersion;
	int szOsFile;
	int mxPathname;
	vfs *pNext;
	const char *zName;
	void *pAppData;
	int (*xOpen)(vfs *, const char *, file *, int, int *);
	int (*xDelete)(vfs *, const char *, int);
	int (*xAccess)(vfs *, const char *, int, int *);
	int (*xFullPathname)(vfs *, const char *, int, char *);
	void *(*xDlOpen)(vfs *, const char *);
	void (*xDlError)(vfs *, int, char *);
	void (*(*xDlSym)(vfs *, void *, const char *))(void);
	void (*xDlClose)(vfs *, void *);
	int (*xRandomness)(vfs *, int, char *);
	int (*xSleep)(vfs *, int);
	int (*xCurrentTime)(vfs *, double *);
	int (*xGetLastError)(vfs *, int, char *);
	int (*xCurrentTimeInt64)(vfs *, i64 *);
};

extern vfs *sqlite3_vfs_find(const char *) __attribute__((weak));
extern int sqlite3_vfs_register(vfs *, int) __attribute__((weak));

enum { OK = 0, OPEN_MAIN_DB = 0x100, OPEN_WAL = 0x80000, ROOM = 124 << 10 }; // SQLite's unixWrite takes less than 128 KiB

// A file: SQLite's own stands behind it in the same piece of memory.
typedef struct {
	file base;
	file *own;
	int gathers;
	unsigned char *held; // ROOM bytes, once something was written
	int n;               // how many of them wait
	i64 at;              // where they belong
} gathered;

static int hand_on(gathered *g) {
	int n = g->n;
	if (n == 0) return OK;
	g->n = 0; // also when it fails: the writer takes all of it back
	return g->own->m->xWrite(g->own, g->held, n, g->at);
}

static int g_write(file *f, const void *data, int n, i64 at) {
	gathered *g = (gathered *)f;
	if (g->n && (at != g->at + g->n || g->n + n > ROOM)) {
		int rc = hand_on(g);
		if (rc != OK) return rc;
	}
	if (!g->gathers || n > ROOM / 2) {
		int rc = hand_on(g);
		return rc != OK ? rc : g->own->m->xWrite(g->own, data, n, at);
	}
	if (!g->held && !(g->held = malloc(ROOM))) return g->own->m->xWrite(g->own, data, n, at);
	if (!g->n) g->at = at;
	memcpy(g->held + g->n, data, n);
	g->n += n;
	return OK;
}

static int g_close(file *f) {
	gathered *g = (gathered *)f;
	int rc = hand_on(g), closed = g->own->m->xClose(g->own);
	free(g->held);
	g->held = 0;
	return rc != OK ? rc : closed;
}

// Everything else hands on first.
#define FIRST(f)                        \
	gathered *g = (gathered *)(f);      \
	int rc = hand_on(g);                \
	if (rc != OK) return rc

static int g_read(file *f, void *p, int n, i64 at) { FIRST(f); return g->own->m->xRead(g->own, p, n, at); }
static int g_truncate(file *f, i64 n) { FIRST(f); return g->own->m->xTruncate(g->own, n); }
static int g_sync(file *f, int flags) { FIRST(f); return g->own->m->xSync(g->own, flags); }
static int g_size(file *f, i64 *n) { FIRST(f); return g->own->m->xFileSize(g->own, n); }
static int g_lock(file *f, int l) { FIRST(f); return g->own->m->xLock(g->own, l); }
static int g_unlock(file *f, int l) { FIRST(f); return g->own->m->xUnlock(g->own, l); }
static int g_reserved(file *f, int *out) { FIRST(f); return g->own->m->xCheckReservedLock(g->own, out); }
static int g_control(file *f, int op, void *p) { FIRST(f); return g->own->m->xFileControl(g->own, op, p); }
static int g_fetch(file *f, i64 at, int n, void **p) { FIRST(f); return g->own->m->xFetch(g->own, at, n, p); }

// These neither look at the file nor change it.
#define OWN(f) ((gathered *)(f))->own
static int g_sector(file *f) { return OWN(f)->m->xSectorSize(OWN(f)); }
static int g_device(file *f) { return OWN(f)->m->xDeviceCharacteristics(OWN(f)); }
static int g_shm_map(file *f, int i, int n, int x, void volatile **p) { return OWN(f)->m->xShmMap(OWN(f), i, n, x, p); }
static int g_shm_lock(file *f, int o, int n, int flags) { return OWN(f)->m->xShmLock(OWN(f), o, n, flags); }
static void g_shm_barrier(file *f) { OWN(f)->m->xShmBarrier(OWN(f)); }
static int g_shm_unmap(file *f, int del) { return OWN(f)->m->xShmUnmap(OWN(f), del); }
static int g_unfetch(file *f, i64 at, void *p) { return OWN(f)->m->xUnfetch(OWN(f), at, p); }

static const methods gathering = {
	3, g_close, g_read, g_write, g_truncate, g_sync, g_size, g_lock, g_unlock, g_reserved, g_control, g_sector, g_device,
	g_shm_map, g_shm_lock, g_shm_barrier, g_shm_unmap, g_fetch, g_unfetch,
};

static int g_open(vfs *v, const char *name, file *f, int flags, int *out) {
	gathered *g = (gathered *)f;
	vfs *own = v->pAppData;
	int rc;
	memset(g, 0, sizeof *g);
	g->own = (file *)(g + 1);
	g->gathers = flags & (OPEN_MAIN_DB | OPEN_WAL);
	rc = own->xOpen(own, name, g->own, flags, out);
	if (g->own->m && g->own->m->iVersion < 3) { // an unknown file system
		g->own->m->xClose(g->own);
		return rc != OK ? rc : 14; // SQLITE_CANTOPEN
	}
	g->base.m = g->own->m ? &gathering : 0;
	return rc;
}

// postroom_gather makes the layer known to SQLite as "gather"; it returns 0
// when it cannot.
int postroom_gather(void) {
	static vfs layer;
	vfs *own;
	if (!sqlite3_vfs_find || !sqlite3_vfs_register || !(own = sqlite3_vfs_find("unix")) || own->iVersion < 2) return 0;
	layer = *own; // all that concerns no open file stays as it is
	layer.iVersion = 2;
	layer.szOsFile = sizeof(gathered) + own->szOsFile;
	layer.pNext = 0;
	layer.zName = "gather";
	layer.pAppData = own;
	layer.xOpen = g_open;
	return sqlite3_vfs_register(&layer, 0) == OK;
}
