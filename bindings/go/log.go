package attestlm

/*
#include <attestlm.h>

extern void attestlmGoLog(int32_t level, uint8_t *line, size_t len);

static inline void attestlm_go_line(void *env, int32_t level, const uint8_t *line, size_t len)
{
	(void)env;
	attestlmGoLog(level, (uint8_t *)line, len);
}

static inline attestlm_status_t attestlm_go_log(int32_t on, int32_t level, attestlm_error_t **err)
{
	attestlm_log_fn log = on ? attestlm_go_line : NULL;
	return attestlm_log_set(log, NULL, level, err);
}
*/
import "C"

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

var (
	logger    atomic.Pointer[slog.Logger]
	setLogger sync.Mutex
)

// levels are the library's, 1 (error) to 5 (trace), and ours.
var levels = [...]slog.Level{1: slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug, slog.LevelDebug - 4}

// SetLogger sends the library's log lines of at least a level to a logger; nil: nowhere, which is how it begins. Trace is
// slog.LevelDebug - 4. It is one setting for the process. The logger's handler must not use this package, and must return:
// runtime.Goexit in it ends the process.
func SetLogger(to *slog.Logger, level slog.Level) error {
	if err := ready(); err != nil {
		return err
	}
	setLogger.Lock()
	defer setLogger.Unlock()
	most := 1
	for most < len(levels)-1 && levels[most+1] >= level {
		most++
	}
	logger.Store(to)
	var err *C.attestlm_error_t
	status := C.attestlm_go_log(flag(to != nil), C.int32_t(most), &err)
	return failure(status, err)
}

func write(level int, line string) {
	to := logger.Load()
	if to == nil || level < 1 || level >= len(levels) {
		return
	}
	returned := false
	defer func() {
		// A panic must not unwind through the library.
		if recover() == nil && !returned {
			// It would not be returned to, and whoever calls it next would wait for ever.
			panic("attestlm: a slog.Handler called runtime.Goexit")
		}
	}()
	to.Log(context.Background(), levels[level], line)
	returned = true
}
