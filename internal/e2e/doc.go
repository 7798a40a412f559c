// Package e2e holds the tests of the whole: the built binary as an
// administrator installs it, real mail clients and servers as its customers
// and agents use them, and nothing of its inside. What a test knows it learnt
// from a socket, from the command line or from a line of JSON.
//
// Each test has an outside world of its own (a name server and the mail servers
// of everybody but the desk) and an installation in a temporary folder. All of
// it listens on loopback addresses of the test's own, at fixed ports below the
// ephemeral ones, so that a server that was killed comes back where it was and
// no other socket can have taken its place.
//
// The long forms run with POSTROOM_SOAK=1 (make soak). POSTROOM_BINARY names a
// binary to test instead of one built from the sources around.
package e2e
