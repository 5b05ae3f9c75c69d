FROM a
ARG PLAIN
ARG WITH_DEFAULT=one TWO="two words"
ARG GIVEN=no
ARG TARGETARCH
ARG DERIVED=${GIVEN}-${WITH_DEFAULT}
ENV COPY_OF=$DERIVED GIVEN=env
RUN echo
ARG GIVEN=again
RUN echo
# test: build-arg GIVEN=yes
# test: build-arg PLAIN=
# test: build-arg HTTPS_PROXY=http://proxy:3128
# test: build-arg SOURCE_DATE_EPOCH=1700000000
# test: build-arg TYPO=1
