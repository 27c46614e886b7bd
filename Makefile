# The two commands of README.md are `make demo` and `make check`; everything else is CMake's.
BUILD  ?= build
PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)

.PHONY: help demo check build deps install fuzz clean
.NOTPARALLEL:

help:
	@echo 'make demo     install what is missing, build, show the whole main job on pictures'
	@echo 'make check    build and run every test'
	@echo 'make build    build only, into $(BUILD)/'
	@echo 'make install  install under PREFIX=$(PREFIX)'
	@echo 'make fuzz     every fuzz target for SECONDS_EACH=60 seconds (needs clang)'
	@echo 'make clean    remove what was built'

deps:
	@tools/deps.sh

build: deps
	@tools/build.sh $(BUILD) $(JOBS)

demo: build
	@$(BUILD)/arcface demo

check: build
	@tools/check_tests.sh $(BUILD) $(JOBS)

install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

SECONDS_EACH ?= 60
fuzz:
	@tools/deps.sh --ci
	@tools/fuzz.sh $(SECONDS_EACH)

clean:
	rm -rf build build-ci build-fuzz
