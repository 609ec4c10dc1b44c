# `make` lists the targets. Each installs or builds what it needs; hack/deps/install.sh asks for root where it needs it.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
# Two builds at once would fight for the same cores and mix their lines.
.NOTPARALLEL:

export CGO_ENABLED ?= 0
export GOFLAGS ?= -buildvcs=false

VERSION ?= dev

STEP := hack/step.sh
LOAD := hack/cluster/load.sh dist/attache.tar dist/awsfake.tar dist/attache-demo-workload.tar

TOOL := hack/tools/run.sh
GOTESTSUM := mkdir -p artifacts && $(TOOL) gotestsum
E2E := $(GOTESTSUM) --format standard-verbose
E2E_FLAGS := -tags e2e -count=1
# kubectl and helm come from hack/cluster.
WITH_CLUSTER := . hack/cluster/env.sh &&
BUILD := go build -trimpath -ldflags '-s -w -X attache.dev/attache/cli.version=$(VERSION)'

##@ Try it

.PHONY: demo
demo: ## Show a pod getting AWS credentials, on a cluster made here (or that of KUBECONFIG)
	@$(STEP) "Build Kubernetes from its Go modules (the first time takes some 15 minutes)" $(MAKE) --no-print-directory cluster-deps
	@$(STEP) "Build the images" $(MAKE) --no-print-directory images
	@$(STEP) "Start the cluster" hack/cluster/up.sh
	@$(STEP) "Load the images" $(LOAD)
	@$(WITH_CLUSTER) go run ./hack/demo

.PHONY: test
test: test-deps ## Run the unit tests, the tests on a real kube-apiserver and awsfake's own
	@$(WITH_CLUSTER) export KUBEBUILDER_ASSETS=$$(hack/cluster/envtest-assets.sh) && \
	  $(GOTESTSUM) --format pkgname --jsonfile artifacts/test.json -- -timeout 14m ./...

.PHONY: e2e
e2e: cluster-up cluster-load ## Assert the demo's story, its refusals and every order of ending on a real cluster
	@# The stories of ending uninstall what the others share. They are told whatever came of those.
	@$(WITH_CLUSTER) { status=0; \
	  $(E2E) --jsonfile artifacts/e2e.json -- $(E2E_FLAGS) -timeout 30m ./test/e2e || status=1; \
	  $(E2E) --jsonfile artifacts/e2e-ending.json -- $(E2E_FLAGS) -timeout 20m ./test/e2e/ending || status=1; \
	  exit $$status; }

##@ Cluster

.PHONY: cluster-up
cluster-up: cluster-deps ## Start a Kubernetes cluster on this machine, of NODES nodes (default: as it was, or 1)
	@hack/cluster/up.sh $(if $(NODES),--nodes $(NODES))

.PHONY: cluster-down
cluster-down: ## Stop it and remove what it left
	@hack/cluster/down.sh

.PHONY: cluster-load
cluster-load: images ## Load the images into it
	@$(LOAD)

.PHONY: envtest-assets
envtest-assets: ## Print the folder for KUBEBUILDER_ASSETS, building what is missing
	@hack/cluster/envtest-assets.sh

##@ Develop

.PHONY: generate
generate: manifests ## Regenerate what comes from the sources: deep copies, CRDs, RBAC, the chart's schema and README
	@$(TOOL) controller-gen object paths=./api/...
	@go run ./hack/valuesschema charts/attache/values.yaml >charts/attache/.values.schema.json && \
	  mv charts/attache/.values.schema.json charts/attache/values.schema.json
	@$(TOOL) helm-docs --log-level warning --chart-search-root charts

.PHONY: manifests
manifests: ## Regenerate CRDs and RBAC, in config/ and in the chart
	@$(TOOL) controller-gen crd rbac:roleName=attache-operator paths=./api/... paths=./controllers/... paths=./cli/... \
	  output:crd:dir=config/crd/bases output:rbac:dir=config/rbac
	@rm -rf charts/attache/files && mkdir -p charts/attache/files/crds
	@cp config/crd/bases/*.yaml charts/attache/files/crds/
	@cp config/rbac/role.yaml charts/attache/files/rbac.yaml

.PHONY: crd-snapshots
crd-snapshots: manifests ## Accept additions to the CRDs; BREAKING=1 accepts what breaks users, too
	@hack/verify/crds.sh accept $(if $(BREAKING),--breaking)

.PHONY: fmt
fmt: ## Format the Go sources
	@$(TOOL) golangci-lint fmt

.PHONY: vet
vet: ## Let the compiler's own checks look at all code, e2e included
	@go vet -tags e2e ./...

.PHONY: lint
lint: ## Run the linters of .golangci.yml, and shellcheck on the scripts
	@$(TOOL) golangci-lint run
	@hack/verify/shell.sh

.PHONY: chart
chart: ## Lint the chart and render it
	@hack/cluster/build.sh helm
	@$(WITH_CLUSTER) helm lint --quiet --strict charts/attache
	@$(WITH_CLUSTER) helm template attache charts/attache --namespace attache-system >/dev/null

.PHONY: verify
verify: ## Everything that needs no cluster and no tests: regenerate, format, vet, lint, compare; fails on a dirty tree
	@hack/verify/verify.sh

.PHONY: fuzz-smoke
fuzz-smoke: ## Let each fuzz target look for new inputs, FUZZTIME each (20000x, 30s)
	@hack/verify/fuzz.sh $(or $(FUZZTIME),20000x)

.PHONY: test-race
test-race: ## Run the packages that share memory between goroutines under the race detector (needs gcc)
	@CGO_ENABLED=1 go test -race -count=1 ./idp/authn/... ./idp/exchange/... ./idp/mapping/... ./internal/...

.PHONY: bench
bench: ## Run the benchmarks
	@go test -run '^$$' -bench . -benchmem ./idp/*/ ./awsiam/snapshot ./controllers/drift ./controllers/rolemapping

##@ Build

.PHONY: build
build: ## Build the static binaries into dist/
	@mkdir -p dist
	@$(BUILD) -o dist/attache .
	@$(BUILD) -o dist/awsfake ./test/awsfake/cmd/awsfake
	@$(BUILD) -o dist/attache-demo-workload ./hack/demo/workload

.PHONY: images
images: build ## Write the container images into dist/, as archives
	@hack/images.sh

.PHONY: helm-package
helm-package: chart ## Package the chart into dist/
	@mkdir -p dist
	@$(WITH_CLUSTER) helm package charts/attache --destination dist

.PHONY: tools
tools: ## Build the developers' tools and the cluster's programs into the cache
	@hack/tools/build.sh
	@hack/cluster/build.sh

.PHONY: clean
clean: ## Remove what was built in the checkout; the cache and the cluster stay
	@rm -rf dist artifacts

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What the targets above stand on.

.PHONY: test-deps
test-deps:
	@hack/deps/install.sh build test
	@hack/cluster/build.sh envtest helm

.PHONY: cluster-deps
cluster-deps:
	@hack/deps/install.sh build
	@. hack/cluster/lib.sh && if foreign_kubeconfig; then hack/cluster/build.sh kubectl helm; \
	  else hack/deps/install.sh cluster && hack/cluster/build.sh; fi
