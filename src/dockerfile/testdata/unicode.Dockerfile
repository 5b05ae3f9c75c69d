FROM a
ENV 이름=값 B=${이름}
RUN echo “$B” — $B
LABEL ü="é ☺"
