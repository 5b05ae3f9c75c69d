# A builder of C++: Debian's g++, with the static C++ library.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends g++ binutils && rm -rf /var/lib/apt/lists/*
