select sum(l_extendedprice) / 7.0 as avg_yearly
from lineitem
join part on p_partkey = l_partkey
where p_brand = :brand and p_container = :container
    and l_quantity < (select 0.2 * avg(l.l_quantity) from lineitem as l where l.l_partkey = p_partkey)
