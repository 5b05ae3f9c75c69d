# eclipse-temurin, openjdk, maven: Debian's OpenJDK 17, and Maven where it is asked for.
ARG BASE
FROM ${BASE}
ARG PACKAGES
RUN apt-get update && apt-get install -y --no-install-recommends ${PACKAGES} ca-certificates-java && rm -rf /var/lib/apt/lists/*
ENV JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64 LANG=C.UTF-8
CMD ["jshell"]
