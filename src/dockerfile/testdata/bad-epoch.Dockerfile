FROM a
# test: build-arg SOURCE_DATE_EPOCH=yesterday
