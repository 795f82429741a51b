select supp_nation, cust_nation, l_year, sum(volume) as revenue
from (
    select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year,
        l_extendedprice * (1 - l_discount) as volume
    from supplier
    join lineitem on s_suppkey = l_suppkey
    join orders on o_orderkey = l_orderkey
    join customer on c_custkey = o_custkey
    join nation as n1 on s_nationkey = n1.n_nationkey
    join nation as n2 on c_nationkey = n2.n_nationkey
    where l_shipdate between :first and :last
        and (n1.n_name = :one and n2.n_name = :other or n1.n_name = :other and n2.n_name = :one)) as shipping
group by supp_nation, cust_nation, l_year
order by supp_nation, cust_nation, l_year
