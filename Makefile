# Every target installs what it needs (tools/setup), configures, builds and runs.
MAKEFLAGS += --no-print-directory
export NINJA_STATUS = [%f/%t] 
DEMO_EPOCHS ?= 5
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 600
FUZZ_FORMATS ?= npy npz pt pickle safetensors idx png jpeg json toml events event
CONFIGURE_FLAGS = $(if $(TAPER_WERROR),-D TAPER_WERROR=$(TAPER_WERROR))
BUILD = build/release

.PHONY: help demo test soak bench bench-accuracy check format install configure
.DEFAULT_GOAL = help

help:
	@echo "make demo     train a classifier on Fashion-MNIST (DEMO_EPOCHS=$(DEMO_EPOCHS)); results in runs/"
	@echo "make test     build and run all tests"
	@echo "make soak     degenerate arguments, PyTorch's samples, killed trainings and saves,"
	@echo "              every parser under libFuzzer (FUZZ_SECONDS=$(FUZZ_SECONDS) each)"
	@echo "make bench    compare with LibTorch; results in build/bench/"
	@echo "make bench-accuracy  float32 functions over all inputs (ACCURACY='--stride 61 exp log': some)"
	@echo "make check    format, tidy, layers, header budget, generated files"
	@echo "make format   rewrite the sources with clang-format"
	@echo "make install  install to PREFIX=$(PREFIX)"

# Configuring says little unless it fails.
configure:
	@tools/setup build test
	@mkdir -p build
	@cmake --preset release $(CONFIGURE_FLAGS) >build/configure.log 2>&1 || \
	  { cat build/configure.log; exit 1; }

demo:
	@tools/setup build demo
	@mkdir -p build
	@test -f $(BUILD)/build.ninja || cmake --preset release -D TAPER_BUILD_TESTS=OFF \
	  -D TAPER_BUILD_BENCH=OFF >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build $(BUILD) --target fashion_mnist --parallel $(JOBS)
	@DEMO_EPOCHS=$(DEMO_EPOCHS) $(BUILD)/examples/fashion_mnist

test: configure
	@cmake --build $(BUILD) --parallel $(JOBS)
	@ctest --preset release

soak: configure
	@tools/setup python
	@cmake --preset dev $(CONFIGURE_FLAGS) >build/configure.log 2>&1 || \
	  { cat build/configure.log; exit 1; }
	@cmake --build $(BUILD) --target taper_replay taper_resume_soak taper_save_soak \
	  --parallel $(JOBS)
	@cmake --build build/dev --target taper_soak --parallel $(JOBS)
	@OMP_NUM_THREADS=1 /usr/bin/python3 tests/oracle/soak.py --program build/dev/tests/taper_soak
	@/usr/bin/python3 tests/oracle/replay.py --program $(BUILD)/tests/taper_replay
	@OMP_NUM_THREADS=1 /usr/bin/python3 tests/oracle/modules.py --program $(BUILD)/tests/taper_replay
	@OMP_NUM_THREADS=2 $(BUILD)/tests/taper_resume_soak --runs 100
	@OMP_NUM_THREADS=1 $(BUILD)/tests/taper_save_soak --kills 1000
	@cmake --preset clang >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build build/clang --target taper_fuzz_files --parallel $(JOBS)
	@for format in $(FUZZ_FORMATS); do corpus=build/fuzz/$$format; echo "fuzz $$format"; \
	  build/clang/tests/taper_fuzz_files --format=$$format --seeds=$$corpus $$corpus \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 >build/fuzz-$$format.log 2>&1 || \
	    { tail -40 build/fuzz-$$format.log; exit 1; }; done

bench:
	@tools/setup build test bench demo
	@$(MAKE) configure
	@cmake --build $(BUILD) --target bench_programs fashion_mnist --parallel $(JOBS)
	@bench/run.py

bench-accuracy: configure
	@cmake --build $(BUILD) --target taper_accuracy --parallel $(JOBS)
	@nice $(BUILD)/tests/taper_accuracy $(ACCURACY)

check:
	@tools/setup build test check
	@$(MAKE) configure
	@cmake --build $(BUILD) --target taper_static taper_train_static taper_replay --parallel $(JOBS)
	@tools/check $(BUILD)

format:
	@tools/setup check
	@tools/check_format.py --fix

install:
	@tools/setup build
	@mkdir -p build
	@cmake --preset release -B build/install -D TAPER_BUILD_TESTS=OFF -D TAPER_BUILD_EXAMPLES=OFF \
	  -D TAPER_BUILD_BENCH=OFF >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build build/install --parallel $(JOBS)
	@cmake --install build/install --prefix $(PREFIX)
