select o_year, sum(case when nation = :nation then volume else 0 end) / sum(volume) as mkt_share
from (
    select extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation
    from part
    join lineitem on p_partkey = l_partkey
    join supplier on s_suppkey = l_suppkey
    join orders on l_orderkey = o_orderkey
    join customer on o_custkey = c_custkey
    join nation as n1 on c_nationkey = n1.n_nationkey
    join region on n1.n_regionkey = r_regionkey
    join nation as n2 on s_nationkey = n2.n_nationkey
    where r_name = :region and o_orderdate between :first and :last and p_type = :type) as all_nations
group by o_year
order by o_year
