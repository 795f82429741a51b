select sum(l_extendedprice * l_discount) as revenue
from lineitem
where l_shipdate >= :first and l_shipdate < :last and l_discount between 0.05 and 0.07 and l_quantity < :quantity
