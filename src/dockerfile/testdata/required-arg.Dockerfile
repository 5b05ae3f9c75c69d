FROM a
ARG TOKEN
ENV X="${TOKEN:?give it with --build-arg}"
