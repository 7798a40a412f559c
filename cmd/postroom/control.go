package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"postroom/internal/config"
)

// The control socket carries command lines to the running server: a line of
// JSON with the arguments, then standard input until the caller closes its
// half; back come frames of one byte (output, error output, exit status), four
// bytes of length and the content. Whoever may open the socket is the
// administrator; its mode is 0600.

type controlRequest struct {
	Args []string `json:"args"`
}

const (
	frameOut  = 'o'
	frameErr  = 'e'
	frameExit = 'x'
)

const maxFrame = 64 << 10

func controlPath(cfg *config.Config) string { return filepath.Join(cfg.Data, "control.sock") }

// runRemote runs the command in the server that is running. served is false
// when none is.
func runRemote(ctx context.Context, cfg *config.Config, args []string, s streams) (served bool, err error) {
	conn, err := net.Dial("unix", controlPath(cfg))
	if err != nil {
		return false, nil
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	req, err := json.Marshal(controlRequest{Args: args})
	if err != nil {
		return true, err
	}
	if _, err := conn.Write(append(req, '\n')); err != nil {
		return true, fmt.Errorf("talk to the running server: %w", err)
	}
	sent := make(chan error, 1)
	if s.in == nil || s.in == os.Stdin {
		conn.(*net.UnixConn).CloseWrite()
		sent <- nil
	} else {
		go func() {
			_, err := io.Copy(inputOnly{conn}, s.in)
			conn.(*net.UnixConn).CloseWrite()
			sent <- err
		}()
	}
	err = readFrames(bufio.NewReaderSize(conn, maxFrame), s)
	select {
	case inErr := <-sent:
		var op *net.OpError // the server stopped listening: it has said why
		if inErr != nil && !errors.As(inErr, &op) {
			return true, inErr
		}
	default:
	}
	return true, err
}

// inputOnly hides the connection's own way of copying, which would take an
// error of the input for one of the connection.
type inputOnly struct{ io.Writer }

func readFrames(r io.Reader, s streams) error {
	var head [5]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return errors.New("the running server ended the conversation")
		}
		n := int64(binary.BigEndian.Uint32(head[1:]))
		var err error
		switch head[0] {
		case frameOut:
			_, err = io.CopyN(s.out, r, n)
		case frameErr:
			_, err = io.CopyN(s.err, r, n)
		case frameExit:
			if n != 0 {
				return exitError(n)
			}
			return nil
		default:
			err = errors.New("the running server speaks another version; restart it")
		}
		if err != nil {
			return err
		}
	}
}

// frameWriter writes one of the streams as frames.
type frameWriter struct {
	mu   *sync.Mutex
	w    io.Writer
	kind byte
}

func (f frameWriter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for done := 0; done < len(p); {
		part := p[done:min(len(p), done+maxFrame)]
		if err := writeFrame(f.w, f.kind, uint32(len(part))); err != nil {
			return done, err
		}
		if _, err := f.w.Write(part); err != nil {
			return done, err
		}
		done += len(part)
	}
	return len(p), nil
}

func writeFrame(w io.Writer, kind byte, n uint32) error {
	var head [5]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], n)
	_, err := w.Write(head[:])
	return err
}

// listenControl opens the socket. A file left by a server that died is removed;
// the data folder's lock says that nobody else is using it.
func listenControl(cfg *config.Config) (net.Listener, error) {
	path := controlPath(cfg)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// serveControl answers command lines until the listener closes.
func serveControl(ctx context.Context, l net.Listener, d *desk, log *slog.Logger) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer conn.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			answerControl(ctx, conn, d, log)
		}()
	}
}

func answerControl(ctx context.Context, conn net.Conn, d *desk, log *slog.Logger) {
	r := bufio.NewReaderSize(conn, maxFrame)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return
	}
	w := bufio.NewWriterSize(conn, maxFrame)
	var mu sync.Mutex
	s := streams{in: r, out: frameWriter{&mu, w, frameOut}, err: frameWriter{&mu, w, frameErr}}
	status := runControl(ctx, line, d, s, log)
	mu.Lock()
	defer mu.Unlock()
	writeFrame(w, frameExit, uint32(status))
	w.Flush()
}

// runControl carries out one command line in the server; a panic ends only it.
func runControl(ctx context.Context, line []byte, d *desk, s streams, log *slog.Logger) (status int) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("command panicked", "panic", p)
			fmt.Fprintln(s.err, "postroom: the command failed inside the server; its log says why")
			status = 1
		}
	}()
	var req controlRequest
	if err := json.Unmarshal(line, &req); err != nil {
		fmt.Fprintln(s.err, "postroom: the request is not understood")
		return 2
	}
	_, kctx, err := parse(req.Args, s.out, s.err)
	if err != nil {
		var exit exitError
		if errors.As(err, &exit) {
			return int(exit)
		}
		fmt.Fprintf(s.err, "postroom: %v\n", err)
		return 2
	}
	cmd, ok := kctx.Selected().Target.Addr().Interface().(deskCommand)
	if !ok {
		fmt.Fprintln(s.err, "postroom: this command is not one for the server")
		return 2
	}
	if err := cmd.Do(ctx, d, s); err != nil {
		var exit exitError
		if errors.As(err, &exit) {
			return int(exit)
		}
		fmt.Fprintf(s.err, "postroom: %v\n", err)
		return 1
	}
	return 0
}
