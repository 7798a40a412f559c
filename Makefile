# The commands of this house. `make demo` and `make test` need Go and gcc and
# nothing else: the tests install and start what they run against (PostgreSQL,
# Redis, mail clients) on ports of their own, and stop it again.

# SQLite is compiled with full-text search; every go command needs the tag, and
# it is set here and nowhere else.
export GOFLAGS := $(GOFLAGS) -tags=sqlite_fts5

# Checkers, pinned; fetched and built by go run.
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# go test takes a package's tests to be stuck after this long.
TEST_TIMEOUT ?= 20m
# What all fuzz targets together may take, in seconds.
FUZZ_SECONDS ?= 600

.PHONY: demo build test bench soak fuzz check vet staticcheck vulncheck programs clean

demo: build
	bin/postroom demo

build:
	go build -o bin/postroom ./cmd/postroom

test: programs bin/withservices
	bin/withservices go test -race -timeout $(TEST_TIMEOUT) ./...

# Speed, beside Postfix and a bare go-smtp on the same machine.
bench: build programs bin/withservices
	bin/withservices go run ./internal/bench

# The long forms of the tests that tell by POSTROOM_SOAK: kills, load, faults.
soak: programs bin/withservices
	POSTROOM_SOAK=1 bin/withservices go test -count=1 -v -timeout 3h -run Soak ./...

fuzz:
	internal/house/fuzz.sh $(FUZZ_SECONDS)

check: vet staticcheck vulncheck

vet:
	go vet ./...

staticcheck:
	$(STATICCHECK) ./...

vulncheck:
	go run ./internal/house/vulncheck $(GOVULNCHECK) internal/house/vulns-excused.txt

programs:
	internal/testenv/install.sh

# Built rather than go run, so that a signal to make reaches it.
.PHONY: bin/withservices
bin/withservices:
	go build -o $@ ./internal/testenv/withservices

clean:
	rm -rf bin
