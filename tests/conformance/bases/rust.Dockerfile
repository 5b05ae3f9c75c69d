# rust: Debian's rustc and cargo, with the directories of the official image.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends rustc cargo gcc libc6-dev curl && rm -rf /var/lib/apt/lists/*
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN mkdir -p /usr/local/cargo/bin && chmod -R a+w /usr/local/cargo
CMD ["bash"]
