# galleryfs: `make run PHOTOS=~/Pictures MOUNT=~/Gallery` is all a user needs.
#
#   make run       install what is missing, build, index, mount (DATA=DIR: galleryfs' own data; MODELS=DIR: models)
#   make build     the release program: target/release/galleryfs
#   make install   into ~/.cargo/bin
#   make test      every test, those on a real mount included
#   make check     formatting, lints, licences, documentation
#   make bench     speed, against ext4, bindfs, exiftool and vipsthumbnail in the same run
#   make accuracy  what is read from the sample photos, against what exiftool reads; models, against a reference and people
#   make contact-sheet  one picture of the thumbnails of all sample photos: target/contact-sheet.png
#   make test-openvino  the models on OpenVINO, with its own runtime
#   make soak      hundreds of kill -9 at random moments
#   make fuzz      ten minutes for each parser; SECONDS=60 and TARGETS="heif movie" choose otherwise (needs cargo-fuzz)

CARGO ?= cargo
PHOTOS ?=
MOUNT ?=
DATA ?=
MODELS ?=
PJDFSTEST = 0.2.2

.DEFAULT_GOAL := build
.PHONY: run build install test test-openvino check bench accuracy contact-sheet soak fuzz dependencies test-dependencies cargo-deny pjdfstest

# The folders go by way of the environment: no shell comes between a name with blanks and the program.
run: export GALLERYFS_PHOTOS = $(PHOTOS)
run: export GALLERYFS_MOUNT = $(MOUNT)
run: export GALLERYFS_DATA = $(DATA)
run: export GALLERYFS_MODELS = $(MODELS)
run: build
	@target/release/galleryfs runtime pull --if-none || echo "Go on without: photos are found by what is written of them." >&2
	@target/release/galleryfs up

build: dependencies
	$(CARGO) build --release --locked -p galleryfs

install: build
	install -Dm755 target/release/galleryfs "$(HOME)/.cargo/bin/galleryfs"

dependencies:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing. This installs it: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2; exit 1; }
	@scripts/install-dependencies run

# The end-to-end tests start the program that lies beside them, so it is built first. cargo-nextest keeps tests apart
# in processes of their own and is used where it is installed; plain cargo runs the same tests.
test: test-dependencies pjdfstest
	$(CARGO) build --locked --workspace --all-targets
	$(CARGO) test --locked --workspace --doc
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --workspace --no-fail-fast; \
	else \
		$(CARGO) test --locked --workspace --lib --bins --tests --no-fail-fast; \
	fi

# Runs on any processor; the runtime is pulled once, into target/onnxruntime.
test-openvino:
	$(CARGO) test --locked -p galleryfs-vision --test openvino -- --ignored --nocapture

# A desktop's udev opens /dev/fuse to everybody; a bare root machine does not, and one test mounts as a normal user.
test-dependencies: dependencies
	@scripts/install-dependencies test
	@if [ "$$(id -u)" = 0 ] && [ -e /dev/fuse ]; then chmod 666 /dev/fuse; fi

# What POSIX asks of a file system, as a program.
pjdfstest:
	@target/tools/bin/pjdfstest --version 2>&1 | grep -qx "pjdfstest $(PJDFSTEST)" || \
		$(CARGO) install --locked --debug --root target/tools pjdfstest@$(PJDFSTEST)

check: cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items
	$(CARGO) deny --locked --all-features check bans licenses sources

cargo-deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny

# The photos are made beside what is built: /tmp may be memory, and is then no match for a disk.
bench: test-dependencies
	@scripts/install-dependencies bench
	$(CARGO) build --release --locked -p galleryfs
	@mkdir -p target/bench
	TMPDIR="$(CURDIR)/target/bench" $(CARGO) run --release --locked -p galleryfs-tests --example bench
	$(CARGO) run --release --locked -p galleryfs-media --example thumbnail_speed
	$(CARGO) run --release --locked -p galleryfs --example pipeline_speed
	$(CARGO) run --release --locked -p galleryfs-library --example bench_vectors

accuracy:
	$(CARGO) run --release --locked -p galleryfs-media --example accuracy
	$(CARGO) run --release --locked -p galleryfs-vision --example model_accuracy
	$(CARGO) build --release --locked -p galleryfs
	$(CARGO) run --release --locked -p galleryfs-tests --example seeing_accuracy

contact-sheet: test-dependencies
	$(CARGO) run --release --locked -p galleryfs-media --example contact_sheet -- target/contact-sheet.png

soak: test-dependencies
	$(CARGO) build --release --locked -p galleryfs
	GALLERYFS_SOAK=1 $(CARGO) test --release --locked -p galleryfs-tests --no-fail-fast --test crash --test seeing_crash --test deciding --test inbox --test saving --test trash --test sidecars --test reference --test load --test blocked_disk -- --nocapture
	GALLERYFS_SOAK=1 $(CARGO) test --release --locked -p galleryfs-fs --test mounted_model -- --nocapture

fuzz:
	@fuzz/run $(or $(SECONDS),600) $(TARGETS)
