select s_name, s_address
from supplier
join nation on s_nationkey = n_nationkey
where n_name = :nation and s_suppkey in (
    select ps_suppkey
    from partsupp
    where ps_partkey in (select p_partkey from part where p_name like :colour)
        and ps_availqty > (
            select 0.5 * sum(l_quantity)
            from lineitem
            where l_partkey = ps_partkey and l_suppkey = ps_suppkey and l_shipdate >= :first and l_shipdate < :last))
order by s_name
