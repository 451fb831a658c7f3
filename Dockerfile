# The command line in a container: see README.md, "As a service or in a container".
FROM node:20-bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates cmake g++ make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/distill-studio
COPY . .
# The desktop app's Electron is not needed here.
RUN ELECTRON_SKIP_BINARY_DOWNLOAD=1 node build/setup.mjs
WORKDIR /work
# The program itself is process 1: it gets the signals, and stops with a checkpoint.
ENTRYPOINT ["node", "/opt/distill-studio/build/distill.mjs"]
