package storage

import "os"

const crashChild = "POSTROOM_STORAGE_CRASH"

func runCrashChild() { os.Exit(3) }
