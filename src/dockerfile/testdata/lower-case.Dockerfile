from a as b
run x
Copy y /z/
cmd ["p"]
from b
