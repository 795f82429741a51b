select s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
from part
join partsupp on p_partkey = ps_partkey
join supplier on s_suppkey = ps_suppkey
join nation on s_nationkey = n_nationkey
join region on n_regionkey = r_regionkey
where p_size = :size and p_type like :type and r_name = :region and ps_supplycost = (
    select min(ps.ps_supplycost)
    from partsupp as ps
    join supplier as s on s.s_suppkey = ps.ps_suppkey
    join nation as n on s.s_nationkey = n.n_nationkey
    join region as r on n.n_regionkey = r.r_regionkey
    where ps.ps_partkey = p_partkey and r.r_name = :region)
order by s_acctbal desc, n_name, s_name, p_partkey
limit 100
